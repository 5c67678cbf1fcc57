# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ``xdpspec fuzz --record`` wrote to ``docs/campaigns``: tables, and a plot over time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

import spec.testing.differential.exclusions
from executed_pages.overview import table
from executed_pages.svg import Canvas
from spec.testing.differential.corpus import read_corpus
from spec.testing.differential.exclusions import EXCLUSIONS

HEADER = ("Kernel", "Area", "Steps", "Seed", "Found", "Took", "Commit", "Date")
TOTALS = ("Kernel", "Area", "Steps", "Differences", "Since the last", "Took")
WIDTH, HEIGHT, MARGIN = 320, 150, 34
"""Of one plot, in CSS pixels."""


class CampaignTotalsDirective(SphinxDirective):
    """A row for each kernel and area: all their campaigns together."""

    has_content = False
    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        runs = _recorded(self)
        if not runs:
            return [nodes.paragraph("", "No campaign was recorded yet.")]
        rows = [
            [[nodes.paragraph("", text)] for text in _total(kernel, area, some)]
            for (kernel, area), some in sorted(_by_kernel_and_area(runs).items())
        ]
        return [table(TOTALS, rows, ["campaigns"])]


class CampaignTableDirective(SphinxDirective):
    """A row for each campaign, as the run recorded it."""

    has_content = False
    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        runs = _recorded(self)
        rows = [[[nodes.paragraph("", text)] for text in _cells(run)] for run in runs]
        return [table(HEADER, rows, ["campaigns"])] if rows else []


class CampaignFigureDirective(SphinxDirective):
    """Steps against differences found, one plot for each area."""

    has_content = False
    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        runs = _recorded(self)
        plots = [draw(area, [run for run in runs if run["area"] == area]) for area in _areas(runs)]
        return [nodes.raw("", plot, format="html") for plot in plots]


class NotComparedDirective(SphinxDirective):
    """Every exclusion with its reason."""

    has_content = False
    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(spec.testing.differential.exclusions.__file__)))
        rows = [[[nodes.paragraph("", text)] for text in each] for each in EXCLUSIONS]
        return [table(("Area", "Not compared", "Because"), rows, ["not-compared"])]


class FoundTableDirective(SphinxDirective):
    """What the searches have found so far: the sentences of the cases in the corpus."""

    has_content = False
    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir).parent / "tests" / "differential" / "corpus"
        for path in folder.glob("*.json"):
            self.env.note_dependency(str(path))
        rows = [
            [[nodes.paragraph("", text)] for text in (case.area, case.found)]
            for case in read_corpus(folder)
        ]
        return [table(("Area", "Found and settled"), rows, ["found"])]


def draw(area: str, runs: Sequence[Any]) -> str:
    """Steps of *area* from left to right, differences upwards, a point for each campaign."""
    canvas, points = Canvas(), list(_points(runs))
    steps, found = points[-1]
    highest = max(1, found)
    across, up = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    places = [
        (MARGIN + across * x / max(1, steps), HEIGHT - MARGIN - up * y / highest) for x, y in points
    ]
    canvas.path(f"M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}", "wire")
    canvas.path("M" + "L".join(f"{x:g} {y:g}" for x, y in places), "wire strong")
    for x, y in places:
        canvas.circle(x, y, 2.5, "number")
    canvas.text(MARGIN, MARGIN - 12, f"{area}: differences found", "caption", "start")
    canvas.text(MARGIN - 6, MARGIN + 4, f"{highest}", "kind", "end")
    canvas.text(MARGIN - 6, HEIGHT - MARGIN + 4, "0", "kind", "end")
    canvas.text(WIDTH - MARGIN, HEIGHT - MARGIN + 18, f"{steps:,} steps", "kind", "end")
    plural = "s" * (found != 1)
    words = f"{found} difference{plural} found in {steps:,} steps of {len(runs)} campaigns"
    return canvas.svg(WIDTH, HEIGHT, "campaign-plot", f"Search of {area}", words)


def _points(runs: Sequence[Any]) -> Iterator[tuple[int, int]]:
    steps = found = 0
    yield 0, 0
    for run in runs:
        steps, found = steps + run["steps"], found + _differs(run)
        yield steps, found


def _recorded(directive: SphinxDirective) -> list[Any]:
    """Every campaign, in the order of time."""
    runs: list[Any] = []
    folder = Path(directive.env.srcdir) / "campaigns"
    for path in sorted(folder.glob("*.jsonl")):
        directive.env.note_dependency(str(path))
        try:
            found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            for run in found:
                _cells(run)
        except (ValueError, KeyError, TypeError) as error:
            problem = f"{path.name}: not what `xdpspec fuzz --record` writes ({error!r})"
            raise directive.error(problem) from error
        runs += found
    return sorted(runs, key=lambda run: run["date"])


def _areas(runs: Sequence[Any]) -> list[str]:
    return sorted({run["area"] for run in runs})


def _by_kernel_and_area(runs: Sequence[Any]) -> dict[tuple[str, str], list[Any]]:
    grouped: dict[tuple[str, str], list[Any]] = {}
    for run in runs:
        grouped.setdefault((run["kernel"] or run["against"], run["area"]), []).append(run)
    return grouped


def _total(kernel: str, area: str, runs: Sequence[Any]) -> tuple[str, ...]:
    """The cells of *runs*, which are in the order of time."""
    last = max((at for at, run in enumerate(runs) if _differs(run)), default=-1)
    differences = sum(map(_differs, runs))
    of_time = sum(bool(run["difference"]) for run in runs) - differences
    return (
        kernel,
        area,
        _amount(runs),
        f"{differences}, {of_time} of time" if of_time else str(differences),
        f"{sum(run['steps'] for run in runs[last + 1 :]):,}",
        f"{sum(run['seconds'] for run in runs) / 60:.0f} min",
    )


def _differs(run: Any) -> bool:
    """Whether the difference that ended *run*, if any, came again when its steps were repeated."""
    return bool(run["difference"]) and run.get("came_again") is not False


def _amount(runs: Sequence[Any]) -> str:
    """Steps, and what else was counted."""
    counted = sum((Counter(run.get("counted", {})) for run in runs), Counter[str]())
    others = ", ".join(f"{count:,} {what}" for what, count in counted.items())
    steps = f"{sum(run['steps'] for run in runs):,}"
    return f"{steps} ({others})" if others else steps


def _cells(run: Any) -> tuple[str, ...]:
    return (
        (run["kernel"] or run["against"]).partition("-")[0],
        run["area"],
        _amount([run]),
        str(run["seed"]),
        "a difference" if _differs(run) else "one of time" if run["difference"] else "nothing",
        f"{run['seconds'] / 60:.1f} min",
        run["commit"] or run["version"],
        run["date"][:10],
    )
