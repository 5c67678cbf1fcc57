# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``.. rules-index::``: every rule with its sentence, releases, examples and verdicts."""

from __future__ import annotations

from typing import ClassVar

from docutils import nodes
from sphinx.addnodes import pending_xref

from executed_pages.badges import badge
from executed_pages.domain import PagesDomain, Rule
from executed_pages.evidence import tally
from executed_pages.markup import box, span
from executed_pages.overview import Overview, OverviewDirective, table


class RulesIndex(Overview):
    """Totals, then a table for each page."""

    def show(self, domain: PagesDomain, docname: str) -> list[nodes.Node]:
        shown = [_totals(domain)]
        for page in sorted({rule.docname for rule in domain.rules.values()}):
            shown += [_title(domain, page, docname), _page(domain, page, docname)]
        return shown


class RulesIndexDirective(OverviewDirective):
    """The index of all rules."""

    place: ClassVar[type[Overview]] = RulesIndex


def _totals(domain: PagesDomain) -> nodes.Node:
    rules = list(domain.rules.values())
    statements = sum(_statements(domain, rule) for rule in rules)
    totals = box(
        _total(str(len(rules)), "rules"),
        _total(str(statements), "statements that prove them"),
        _total(str(sum(1 for _ in domain.examples())), "examples on all pages"),
        classes="totals",
    )
    for run in domain.runs:
        outcomes = [domain.outcomes(rule.docname, rule.name)[run.name] for rule in rules
                    if rule.name in domain.pages[rule.docname].examples]  # fmt: skip
        totals += _total(tally(outcomes) or "no rules", f"on {run.describe()}", "verdicts")
    return totals


def _total(number: str, label: str, kind: str = "count") -> nodes.Node:
    return box(
        span(number, tag="strong", classes="number"),
        nodes.Text(" "),
        span(label, classes="label"),
        classes=f"total {kind}",
    )


def _title(domain: PagesDomain, page: str, docname: str) -> nodes.Node:
    title = domain.env.titles[page].astext()
    link = pending_xref(
        "", nodes.inline("", title), refdomain="std", reftype="doc", reftarget=f"/{page}",
        refdoc=docname, refexplicit=True, refwarn=True,
    )  # fmt: skip
    return nodes.rubric("", "", link)


def _page(domain: PagesDomain, page: str, docname: str) -> nodes.Node:
    rules = sorted(
        (rule for rule in domain.rules.values() if rule.docname == page),
        key=lambda rule: rule.line,
    )
    header = ["Rule", "Releases", "Examples", *(run.name for run in domain.runs)]
    rows = [_rule(domain, rule, docname) for rule in rules]
    return table(header, rows, ["rules-index"])


def _rule(domain: PagesDomain, rule: Rule, docname: str) -> list[list[nodes.Node]]:
    cells: list[list[nodes.Node]] = [
        [nodes.paragraph("", "", _link(rule, docname), classes=["rule-link"]),
         _sentence(rule, docname)],
        [nodes.paragraph("", _releases(rule))],
        [nodes.paragraph("", str(_statements(domain, rule)))],
    ]  # fmt: skip
    page = domain.pages[rule.docname]
    if rule.name not in page.examples:
        return cells + [[nodes.paragraph("", f"needs {rule.needs}")] for _ in domain.runs]
    badges = (badge(domain.runs, run, page, page.examples[rule.name]) for run in domain.runs)
    return cells + [[nodes.paragraph("", "", shown)] for shown in badges]


def _link(rule: Rule, docname: str) -> nodes.Node:
    return pending_xref(
        "", nodes.literal("", rule.name), refdomain="xdp", reftype="rule", reftarget=rule.name,
        refdoc=docname, refexplicit=False, refwarn=True,
    )  # fmt: skip


def _sentence(rule: Rule, docname: str) -> nodes.Node:
    sentence = rule.sentence.deepcopy()
    sentence["classes"], sentence["ids"] = [], []
    for reference in sentence.findall(pending_xref):
        reference["refdoc"] = docname
    return sentence


def _releases(rule: Rule) -> str:
    since = f"{rule.since} –" if rule.since else "–"
    return f"{since} {rule.until}" if rule.until else (f"{rule.since} on" if rule.since else "all")


def _statements(domain: PagesDomain, rule: Rule) -> int:
    example = domain.pages[rule.docname].examples.get(rule.name)
    return example.statements if example else 0
