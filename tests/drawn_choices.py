# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The decisions of a generator of steps, made by Hypothesis: it shrinks them and remembers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies
from hypothesis.strategies import DataObject

T = TypeVar("T")


class DrawnChoices:
    """``Choices`` over ``data.draw``."""

    def __init__(self, data: DataObject) -> None:
        self._draw = data.draw

    def integer(self, low: int, high: int) -> int:
        """A number from *low* to *high*."""
        return self._draw(strategies.integers(low, high))

    def one_of(self, values: Sequence[T]) -> T:
        """One of *values*; the first is the simplest."""
        return values[self._draw(strategies.integers(0, len(values) - 1))]

    def chance(self, probability: float) -> bool:
        """``True`` in about that share of cases; ``False`` is simpler."""
        return self._draw(strategies.integers(0, 999)) >= 1000 * (1 - probability)

    def blob(self, length: int) -> bytes:
        """So many bytes."""
        return self._draw(strategies.binary(min_size=length, max_size=length))
