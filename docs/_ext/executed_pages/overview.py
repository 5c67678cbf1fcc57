# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Directives about all pages at once are filled in when every page has been read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

from executed_pages.domain import PagesDomain, pages_domain


class Overview(nodes.General, nodes.Element):
    """The place of one; each kind knows what to show."""

    def show(self, domain: PagesDomain, docname: str) -> list[nodes.Node]:
        """What stands here on the page *docname*."""
        raise NotImplementedError


class OverviewDirective(SphinxDirective):
    """Leaves a place for an overview."""

    has_content = False
    option_spec: ClassVar[OptionSpec] = {}
    place: ClassVar[type[Overview]]

    def run(self) -> list[nodes.Node]:
        pages_domain(self.env).overviews.add(self.env.docname)
        return [self.place()]


class ShowOverviews(SphinxPostTransform):
    """Runs before references are resolved, since overviews contain some."""

    default_priority = 4

    def run(self, **kwargs: Any) -> None:  # noqa: ARG002
        for place in list(self.document.findall(Overview)):
            place.replace_self(place.show(pages_domain(self.env), self.env.docname))


def table(
    header: Sequence[str], rows: Iterable[Sequence[Sequence[nodes.Node]]], classes: list[str]
) -> nodes.table:
    """A table with one heading row; each cell is a list of nodes."""
    group = nodes.tgroup(cols=len(header))
    group.extend(nodes.colspec(colwidth=1) for _ in header)
    head, body = nodes.thead(), nodes.tbody()
    head += _row([[nodes.paragraph("", text)] for text in header])
    body.extend(_row(cells) for cells in rows)
    group += [head, body]
    return nodes.table("", group, classes=classes)


def _row(cells: Sequence[Sequence[nodes.Node]]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", *cell) for cell in cells))
