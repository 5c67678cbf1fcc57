# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``.. semantics-table::``: what is observed, where it is stated, how many tests prove it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from docutils import nodes
from sphinx.addnodes import pending_xref

from executed_pages.domain import PagesDomain
from executed_pages.overview import Overview, OverviewDirective, table
from spec.errors import InputError
from spec.testing.semantics import Statement, proofs, read_statements

HEADER = ("Id", "Observed", "Rule", "Stated by", "Tests")


class SemanticsTable(Overview):
    """A row for each statement; below its sentence, why it has no test and what was found out."""

    def show(self, domain: PagesDomain, docname: str) -> list[nodes.Node]:
        statements: list[Statement] = self["statements"]
        proven = proofs(Path(domain.env.srcdir).parent / "tests")
        rows = [
            _row(each, _rule(domain, each.rule, docname), len(proven.get(each.id, ())))
            for each in statements
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
        try:
            statements = list(read_statements(docs / "semantics").values())
        except InputError as error:
            raise self.error(str(error)) from error
        shown = super().run()
        for place in shown:
            assert isinstance(place, SemanticsTable)
            place["statements"] = statements
        return shown


def _row(statement: Statement, rule: nodes.Node, tests: int) -> list[list[nodes.Node]]:
    return [
        [nodes.paragraph("", statement.id)],
        _observed(statement),
        [nodes.paragraph("", "", rule)],
        [nodes.paragraph("", "", _code(statement.function))],
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


def _code(name: str) -> nodes.literal:
    """A dotted name that a narrow column may break after its dots."""
    shown = nodes.literal()
    for part in name.split("."):
        if shown.children:
            shown += [nodes.Text("."), nodes.raw("", "<wbr>", format="html")]
        shown += nodes.Text(part)
    return shown


def _rule(domain: PagesDomain, name: str, docname: str) -> nodes.Node:
    """A link where a page has the rule."""
    shown = _code(name)
    if name not in domain.rules:
        return shown
    return pending_xref(
        "", shown, refdomain="xdp", reftype="rule", reftarget=name,
        refdoc=docname, refexplicit=False, refwarn=True,
    )  # fmt: skip
