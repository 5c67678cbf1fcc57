# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Makes a failure small: fewer steps, then simpler ones, as long as the engines still differ."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from spec.testing.differential.area import Area, Difference, Pair
from spec.testing.differential.step import Step, names_in

THOROUGH = 50
"""Steps of a list after each of which everything is checked; of longer ones only in the end."""


class Failure(NamedTuple):
    """Steps of an area, and the difference that the last of them leads to."""

    area: Area
    steps: tuple[Step, ...]
    difference: Difference


def replay(area: Area, pair: Pair, steps: Sequence[Step], thorough: bool = True) -> Failure | None:
    """Do *steps* in a session of their own, up to the first difference.

    Checks everything after each step if *thorough*, else only in the end.
    """
    session = area.open(pair)
    try:
        for count, step in enumerate(steps, 1):
            found = session.perform(step)
            if found is None and (thorough or count == len(steps)):
                found = session.check()
            if found is not None:
                return Failure(area, tuple(steps[:count]), found)
        return None
    finally:
        session.close()


class Shrinker:
    """Tries shorter and simpler lists of steps for at most *seconds*."""

    def __init__(
        self,
        failure: Failure,
        pair: Pair,
        seconds: float = 120.0,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.best, self._pair, self._told = failure, pair, told
        self.came_again = False
        """Whether the same steps led to a difference once more."""
        self._end = time.monotonic() + seconds

    def shrink(self) -> Failure:
        """The smallest that was found; the failure itself if it does not come again."""
        if not self._try(self._related()) and not self._try(self.best.steps):
            return self.best
        self.came_again = True
        self._remove(len(self.best.steps) // 2)
        while self._simplify():
            self._remove(len(self.best.steps) // 2)
        return self.best

    def _try(self, steps: Sequence[Step]) -> bool:
        if time.monotonic() > self._end or not steps:
            return False
        found = replay(self.best.area, self._pair, steps, thorough=len(steps) < THOROUGH)
        if found is None:
            return False
        self.best = found
        self._told(len(found.steps))
        return True

    def _related(self) -> list[Step]:
        """The steps that name anything that the last one depends on."""
        *before, last = self.best.steps
        names = names_in(last.arguments) | set(re.findall(r"\w+", self.best.difference.what))
        kept = [last]
        for step in reversed(before):
            own = names_in(step.arguments)
            if own & names or not own:
                names |= own
                kept.append(step)
        return kept[::-1]

    def _remove(self, size: int) -> None:
        """Leave out *size* steps at a time, then half as many, down to single ones."""
        while size:
            at = len(self.best.steps) - size
            while at >= 0:
                steps = self.best.steps
                self._try(steps[:at] + steps[at + size :])
                at = min(at, len(self.best.steps)) - size
            size //= 2

    def _simplify(self) -> bool:
        """Whether any step could be replaced by a simpler one."""
        better = False
        for at in range(len(self.best.steps)):
            if at >= len(self.best.steps):
                break
            for simpler in self.best.area.simpler(self.best.steps[at]):
                steps = self.best.steps
                if self._try((*steps[:at], simpler, *steps[at + 1 :])):
                    better = True
                    break
        return better
