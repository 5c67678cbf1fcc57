# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``.. release-table::``: what changed in which release, from the table that the model asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

import spec.release
from executed_pages.overview import table
from spec.changes import CHANGES
from spec.changes.change import Change
from spec.release import number

_MARKED = re.compile(
    r"\b(?P<commit>[0-9a-f]{12})\b|(?P<code>\b\w+\(\)|\b[A-Z]+_[A-Z_]+\b|\bE[A-Z0-9]{3,}\b|\bxdp_\w+)"
)
"""A commit or a name of the C interface in the middle of a sentence."""


class ReleaseTableDirective(SphinxDirective):
    """A row for each change, the oldest release first."""

    has_content = False
    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(spec.release.__file__).resolve()))
        changes = sorted(CHANGES, key=lambda change: number(change.release))
        header = ["Since", "What changed", "Commit", "Also in"]
        return [table(header, [self._row(change) for change in changes], ["release-table"])]

    def _row(self, change: Change) -> list[list[nodes.Node]]:
        name = nodes.literal("", change.name, ids=[f"change-{change.name.replace('_', '-')}"])
        commit = self._commit(change.commit) if change.commit else nodes.Text("not known")
        return [
            [nodes.paragraph("", change.release)],
            [
                nodes.paragraph("", "", name),
                nodes.paragraph("", "", *self._sentence(change.sentence)),
            ],
            [nodes.paragraph("", "", commit)],
            [nodes.paragraph("", ", ".join(change.backports) or "–")],
        ]

    def _sentence(self, text: str) -> Iterator[nodes.Node]:
        end = 0
        for found in _MARKED.finditer(text):
            yield nodes.Text(text[end : found.start()])
            code = found["code"]
            yield nodes.literal("", code) if code else self._commit(found["commit"])
            end = found.end()
        yield nodes.Text(text[end:])

    def _commit(self, commit: str) -> nodes.Node:
        address = self.config.extlinks["commit"][0] % commit
        return nodes.reference("", "", nodes.literal("", commit), refuri=address)
