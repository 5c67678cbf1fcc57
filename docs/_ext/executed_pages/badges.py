# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Under each example, a badge per engine and release: held, failed, stale, or not run here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from executed_pages.domain import Example, Page, pages_domain
from executed_pages.evidence import Outcome, Run, disagreeing
from executed_pages.markup import Box, span

_SIGNS = {
    Outcome.HELD: "✓",
    Outcome.FAILED: "✗",
    Outcome.STALE: "≠",
    Outcome.ABSENT: "–",
    Outcome.NOT_RUN: "○",
}
_MEANINGS = {
    Outcome.HELD: "Ran as shown",
    Outcome.FAILED: "Did not run as shown",
    Outcome.STALE: "The text changed after it ran",
    Outcome.ABSENT: "Not about this release",
    Outcome.NOT_RUN: "Not run",
}
_HELD = {
    "lab": "Its devices were made",
    "sh": "Its tracepoints and their fields exist",
    "uapi": "Its layout is the kernel's",
}
"""What it means for these kinds of example to have held, where no statement ran."""


class EvidenceRow(Box):
    """Where the badges of an example go."""


def evidence_row(example: str) -> EvidenceRow:
    """A place for the badges of the example of that name on this page."""
    return EvidenceRow(tag="div", classes=["evidence"], extra={"role": "note"}, example=example)


def badge(runs: Sequence[Run], run: Run, page: Page, example: Example) -> nodes.Node:
    """``✓ kernel 6.18 held``, with the circumstances, and who of *runs* disagrees, as tooltip."""
    about = page.path, example.name, example.digest
    outcome = run.outcome(*about)
    reason = run.reason(page.path, example.name)
    title = f"{_meaning(outcome, example)}{f' ({reason})' if reason else ''} · {run.describe()}"
    css = f"badge {outcome.name.lower().replace('_', '-')}"
    others = ", ".join(other.name for other in disagreeing(runs, run, *about))
    if others:
        title += f" · {others} saw the opposite"
        css += " disputed"
    shown = span("", classes=css, title=title)
    shown += span(_SIGNS[outcome], classes="sign", aria_hidden="true")
    shown += nodes.Text(" ")
    shown += span(f"{run.name} ", classes="engine")
    shown += span(outcome.value, classes="outcome")
    shown += nodes.Text(" ")
    return shown


def _meaning(outcome: Outcome, example: Example) -> str:
    if outcome is Outcome.HELD and not example.statements:
        return _HELD.get(example.kind, "Compiled")
    return _MEANINGS[outcome]


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
            row.extend(badge(domain.runs, run, page, page.examples[name]) for run in domain.runs)
