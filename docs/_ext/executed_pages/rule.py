# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``.. rule::``: one normative sentence, its releases, and the examples that prove it."""

from __future__ import annotations

import re
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.environment import BuildEnvironment
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

from executed_pages.anchors import give_anchor
from executed_pages.markup import Box, box, span

_RELEASE = re.compile(r"\d+\.\d+")
_ID = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


class RuleCard(Box):
    """A rule; its first paragraph is the rule itself."""


def release(text: str) -> str:
    """A kernel release such as ``5.14``."""
    if not _RELEASE.fullmatch(text):
        raise ValueError(f"{text!r} is not a kernel release; write it like 5.14")
    return text


def needs(text: str) -> str:
    """What a machine must have before the rule can be executed."""
    return directives.choice(text, ("hardware",))


class RuleDirective(SphinxDirective):
    """A rule with a dotted id; ``:needs: hardware`` excuses it from examples."""

    required_arguments = 1
    final_argument_whitespace = False
    has_content = True
    option_spec: ClassVar[OptionSpec] = {
        "since": release,
        "until": release,
        "needs": needs,
        "source": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if not _ID.fullmatch(name):
            raise self.error(f"rule {name!r}: an id is small letters in parts: devmap.update.flags")
        card = RuleCard(
            tag="div",
            classes=["rule"],
            extra={"role": "group", "aria-label": f"Rule {name}"},
            example=name,
        )
        card["facts"] = {key: self.options.get(key, "") for key in self.option_spec or {}}
        self.set_source_info(card)
        give_anchor(self.state.document, card, name)
        card += self._header(name)
        body = self.parse_content_to_nodes()
        for first in body:
            if isinstance(first, nodes.paragraph):
                first["classes"].append("rule-sentence")
                break
        card += box(*body, classes="rule-body")
        card += self._footer()
        entry = ("single", f"rule; {name}", name, "", None)
        return [addnodes.index(entries=[entry]), card]

    def _header(self, name: str) -> nodes.Node:
        header = box(
            span(name, tag="a", classes="rule-id", href=f"#{name}", title="Link to this rule"),
            classes="rule-header",
        )
        for text, title in self._releases():
            header += span(text, classes="release", title=title)
        if "needs" in self.options:
            header += span(f"needs {self.options['needs']}", classes="release needs",
                           title="Modelled, not executed")  # fmt: skip
        return header

    def _releases(self) -> list[tuple[str, str]]:
        shown = []
        if since := self.options.get("since"):
            shown.append((f"since {since}", f"Holds in Linux {since} and later"))
        if until := self.options.get("until"):
            shown.append((f"until {until}", f"Linux {until} is the last release where it holds"))
        return shown

    def _footer(self) -> nodes.Node:
        footer = box(classes="rule-footer")
        if source := self.options.get("source"):
            footer += span(source, tag="code", classes="rule-source",
                           title="Where the kernel does it")  # fmt: skip
        return footer


class RuleRole(XRefRole):
    """``:rule:`devmap.update.noexist``` links to the rule."""

    def __init__(self) -> None:
        super().__init__(innernodeclass=nodes.literal, warn_dangling=True)

    def process_link(
        self,
        env: BuildEnvironment,  # noqa: ARG002
        refnode: nodes.Element,
        has_explicit_title: bool,  # noqa: ARG002
        title: str,
        target: str,
    ) -> tuple[str, str]:
        refnode["refdomain"], refnode["reftype"] = "xdp", "rule"
        return title, target
