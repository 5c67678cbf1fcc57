# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where a generator of steps gets its decisions from.

One generator serves two masters: a seeded ``random.Random`` for long campaigns, and Hypothesis'
``data.draw`` for the state machine, which shrinks and remembers.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar

T = TypeVar("T")


class Choices(Protocol):
    """Decisions, each as simple as the one who decides likes."""

    def integer(self, low: int, high: int) -> int:
        """A number from *low* to *high*, both included."""
        ...

    def one_of(self, values: Sequence[T]) -> T:
        """One of *values*; the simplest should come first."""
        ...

    def chance(self, probability: float) -> bool:
        """``True`` in about that share of cases."""
        ...

    def blob(self, length: int) -> bytes:
        """So many bytes."""
        ...


class RandomChoices:
    """Decisions by a seeded generator: the same seed, the same decisions, on any machine."""

    def __init__(self, seed: int | str) -> None:
        random = Random(seed)
        self._random = random.random
        self.blob = random.randbytes

    # Multiplying a float is three times as fast as Random.randint, and long campaigns show it.

    def integer(self, low: int, high: int) -> int:
        """A number from *low* to *high*."""
        span = high - low + 1
        if span <= 1 << 32:
            return low + int(self._random() * span)
        return low + int.from_bytes(self.blob(16), "little") % span

    def one_of(self, values: Sequence[T]) -> T:
        """One of *values*."""
        return values[int(self._random() * len(values))]

    def chance(self, probability: float) -> bool:
        """``True`` with that probability."""
        return self._random() < probability
