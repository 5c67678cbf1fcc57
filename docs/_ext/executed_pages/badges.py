# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Under each example, a badge per engine and release: held, failed, stale, or not run here."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from executed_pages.domain import pages_domain
from executed_pages.evidence import Outcome, Run
from executed_pages.markup import Box, box, span

_SIGNS = {Outcome.HELD: "✓", Outcome.FAILED: "✗", Outcome.STALE: "≠", Outcome.NOT_RUN: "○"}
_MEANINGS = {
    Outcome.HELD: "Ran as shown",
    Outcome.FAILED: "Did not run as shown",
    Outcome.STALE: "The text changed after it ran",
    Outcome.NOT_RUN: "Not run",
}


class EvidenceRow(Box):
    """Where the badges of an example go."""


def evidence_row(example: str) -> EvidenceRow:
    """A place for the badges of the example of that name on this page."""
    return EvidenceRow(tag="div", classes=["evidence"], extra={"role": "note"}, example=example)


def badge(run: Run, outcome: Outcome, reason: str = "", short: bool = False) -> nodes.Node:
    """``✓ kernel 6.18 held``; *short* leaves out what a table's heading says already."""
    css = "badge " + ("not-run" if outcome is Outcome.NOT_RUN else outcome.value)
    title = f"{_MEANINGS[outcome]}{f' ({reason})' if reason else ''} · {run.describe()}"
    shown = span("", classes=css, title=title)
    shown += span(_SIGNS[outcome], classes="sign", aria_hidden="true")
    if not short:
        shown += span(run.name, classes="engine")
        shown += nodes.Text(" ")
    shown += span(outcome.value, classes="outcome")
    return shown


class ShowEvidence(SphinxPostTransform):
    """Fills each row with its badges."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:  # noqa: ARG002
        domain = pages_domain(self.env)
        page = domain.pages.get(self.env.docname)
        for row in list(self.document.findall(EvidenceRow)):
            name = row["example"]
            if page is None or name not in page.examples:
                row.parent.remove(row)
                continue
            outcomes = domain.outcomes(self.env.docname, name)
            for run in domain.runs:
                row += badge(run, outcomes[run.name], run.reason(page.path, name))


def in_a_box(*children: nodes.Node) -> nodes.Node:
    """A row of badges outside a page's examples."""
    return box(*children, classes="evidence")
