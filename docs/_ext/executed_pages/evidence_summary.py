# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``.. evidence-summary::``: what ran where, when, at which commit, and how much of it held."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from docutils import nodes

from executed_pages.domain import PagesDomain
from executed_pages.evidence import Outcome, Run
from executed_pages.overview import Overview, OverviewDirective, table


class EvidenceSummary(Overview):
    """A row for each engine and release; outcomes that nowhere occurred have no column."""

    def show(self, domain: PagesDomain, docname: str) -> list[nodes.Node]:  # noqa: ARG002
        counts = [_counts(domain, run) for run in domain.runs]
        outcomes = [
            outcome
            for outcome in Outcome
            if outcome is Outcome.HELD or any(count[outcome] for count in counts)
        ]
        header = ["Engine", "Linux", "Machine", "Date", "Commit"]
        header += [outcome.value.capitalize() for outcome in outcomes]
        rows = [
            [_cell(text) for text in (*_facts(run), *(str(count[key]) for key in outcomes))]
            for run, count in zip(domain.runs, counts, strict=True)
        ]
        return [table(header, rows, ["evidence-summary"])]


class EvidenceSummaryDirective(OverviewDirective):
    """The summary of all runs."""

    place: ClassVar[type[Overview]] = EvidenceSummary


def _facts(run: Run) -> tuple[str, ...]:
    linux = run.kernel or run.release or "–"
    machine = " ".join(filter(None, (run.machine, run.label)))
    return run.engine, linux, machine or "–", run.date or "–", run.commit[:12] or "–"


def _counts(domain: PagesDomain, run: Run) -> Counter[Outcome]:
    return Counter(
        run.outcome(page.path, example.name, example.digest)
        for _, page, example in domain.examples()
    )


def _cell(text: str) -> list[nodes.Node]:
    return [nodes.paragraph("", text)]
