# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``.. semantics-table::``: what is observed, where it is stated, how many tests prove it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from docutils import nodes
from sphinx.addnodes import pending_xref

from executed_pages.domain import PagesDomain
from executed_pages.overview import Overview, OverviewDirective, table
from spec.testing.semantics import Statement, proofs, read_statements

HEADER = ("Id", "Observed", "Rule", "Stated by", "Tests")


class SemanticsTable(Overview):
    """A row for each statement; below its sentence, why it has no test and what was found out."""

    def show(self, domain: PagesDomain, docname: str) -> list[nodes.Node]:
        docs = Path(domain.env.srcdir)
        proven = proofs(docs.parent / "tests")
        rows = [
            _row(statement, _rule(domain, statement.rule, docname), len(proven.get(id, ())))
            for id, statement in read_statements(docs / "semantics").items()
        ]
        return [table(HEADER, rows, ["semantics"])]


class SemanticsTableDirective(OverviewDirective):
    """The table of all statements, read again when one of its files changes."""

    place: ClassVar[type[Overview]] = SemanticsTable

    def run(self) -> list[nodes.Node]:
        docs = Path(self.env.srcdir)
        tests = (docs.parent / "tests").glob("test_semantics_*.py")
        for path in (*(docs / "semantics").glob("*.toml"), *tests):
            self.env.note_dependency(str(path))
        return super().run()


def _row(statement: Statement, rule: nodes.Node, tests: int) -> list[list[nodes.Node]]:
    return [
        [nodes.paragraph("", statement.id)],
        _observed(statement),
        [nodes.paragraph("", "", rule)],
        [nodes.paragraph("", "", nodes.literal("", statement.function))],
        [nodes.paragraph("", str(tests))],
    ]


def _observed(statement: Statement) -> list[nodes.Node]:
    shown: list[nodes.Node] = [nodes.paragraph("", statement.sentence)]
    if statement.found:
        shown.append(nodes.paragraph("", f"Found: {statement.found}.", classes=["found"]))
    if statement.not_observed:
        text = f"Not observed: {statement.not_observed}."
        shown.append(nodes.paragraph("", text, classes=["not-observed"]))
    return shown


def _rule(domain: PagesDomain, name: str, docname: str) -> nodes.Node:
    """A link where a page has the rule."""
    shown = nodes.literal("", name)
    if name not in domain.rules:
        return shown
    return pending_xref(
        "", shown, refdomain="xdp", reftype="rule", reftarget=name,
        refdoc=docname, refexplicit=False, refwarn=True,
    )  # fmt: skip
