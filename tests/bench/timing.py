# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Times two tasks in one process, turn by turn, with the machine's own speed beside them."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import NamedTuple

from tests.bench.control import TURNS, control


class Task(NamedTuple):
    """Something to time: ``run(times)`` does it that often, usually *times*.

    It cannot be done but *together* times.
    """

    name: str
    run: Callable[[int], object]
    times: int
    together: int = 1


class Timing(NamedTuple):
    """Medians of all rounds, in nanoseconds for one time.

    ``ratio`` is the median of what each round's two tasks say, since those had the machine in the
    same state. ``control`` is one turn of a fixed loop, ``drift`` its slowest by its fastest.
    """

    tested: float
    reference: float
    ratio: float
    control: float
    drift: float


def compare(tested: Task, reference: Task, rounds: int, effort: float = 1.0) -> Timing:
    """Time both tasks *rounds* times, interleaved; *effort* scales how often each is done."""
    ours, theirs, controls = [], [], []
    for _ in range(rounds):
        controls.append(_time(Task("control", control, TURNS), effort))
        ours.append(_time(tested, effort))
        theirs.append(_time(reference, effort))
    ratio = median(one / other for one, other in zip(ours, theirs, strict=True))
    drift = max(controls) / min(controls)
    return Timing(median(ours), median(theirs), ratio, median(controls), drift)


def _time(task: Task, effort: float) -> float:
    count = max(1, round(task.times * effort / task.together)) * task.together
    before = perf_counter_ns()
    task.run(count)
    return (perf_counter_ns() - before) / count
