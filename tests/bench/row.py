# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A row of the benchmark's table: what was measured, what for comparison, and the goal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tests.bench.timing import Task, Timing, compare


class Goal(NamedTuple):
    """What a figure should be at least or at most."""

    relation: str
    limit: float

    def met_by(self, figure: float) -> bool:
        return figure >= self.limit if self.relation == ">=" else figure <= self.limit

    def __str__(self) -> str:
        return f"{self.relation} {self.limit:g}"


class Effort(NamedTuple):
    """How much is measured: *rounds* turns, in each *share* of the usual number of times."""

    rounds: int = 30
    share: float = 1.0

    def of(self, count: int) -> int:
        """That share of *count*, at least one."""
        return max(1, round(count * self.share))


@dataclass(frozen=True)
class Row:
    """One line of the table.

    ``figure`` is what the goal is about: a ratio of ``value`` and ``reference_value`` (both in
    ``unit``), or ``value`` itself where there is no ``reference``. ``missing`` says why there are
    no numbers. ``control`` and ``drift`` are as in ``timing.Timing``; control is in nanoseconds.
    """

    title: str
    tested: str
    reference: str
    goal: Goal
    unit: str = "ns"
    value: float | None = None
    reference_value: float | None = None
    figure: float | None = None
    control: float | None = None
    drift: float | None = None
    missing: str = ""


def timed(title: str, tested: Task, reference: Task, goal: Goal, effort: Effort) -> Row:
    """The row that results from timing two tasks; a goal of *at least* counts how often faster."""
    timing = compare(tested, reference, effort.rounds, effort.share)
    return row_of(title, tested.name, reference.name, goal, timing)


def row_of(title: str, tested: str, reference: str, goal: Goal, timing: Timing) -> Row:
    """*timing* as a row."""
    return Row(
        title,
        tested,
        reference,
        goal,
        value=timing.tested,
        reference_value=timing.reference,
        figure=1 / timing.ratio if goal.relation == ">=" else timing.ratio,
        control=timing.control,
        drift=timing.drift,
    )


Measurement = Callable[[Effort], list[Row]]
