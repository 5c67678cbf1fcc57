# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a part of the kernel must offer to be searched for differences.

A campaign opens session after session of an area. In each it lets the session draw a step and
perform it on both engines, until they differ or the session has had its steps. Every session
starts from nothing, so that a list of steps says everything there is to say about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from spec.lab import Lab
from spec.testing.differential.choices import Choices
from spec.testing.differential.step import Step


class Pair(NamedTuple):
    """What makes the labs of the two engines; the first one's word is doubted, as a rule."""

    model: Callable[[], Lab]
    kernel: Callable[[], Lab]
    cpu: int = 0
    """The processor that everything happens on, in both."""
    broken: Callable[[], AbstractContextManager[object]] | None = None
    """What is done to the model whenever it is asked, to see whether anybody notices."""


class Difference(NamedTuple):
    """Where two engines do not agree."""

    what: str
    """What was looked at, in words or as an expression: ``m1.lookup(0)``, ``events``."""
    model: str
    kernel: str

    def __str__(self) -> str:
        return f"{self.what}\n  model:  {self.model}\n  kernel: {self.kernel}"


class Session(Protocol):
    """A pair of labs that have gone the same way so far."""

    counted: Counter[str]
    """What is worth counting beside the steps, by what it is called."""

    def draw(self, choices: Choices) -> Step:
        """The next step, considering what there is by now. Changes nothing."""
        ...

    def perform(self, step: Step) -> Difference | None:
        """Do *step* on both engines and compare what is cheap to compare.

        A step about something that is not there (because a shorter list of steps never made it)
        does nothing.
        """
        ...

    def check(self) -> Difference | None:
        """Compare everything that can be looked at. Changes nothing that a step could see."""
        ...

    def close(self) -> None:
        """Take both labs down."""
        ...


class Area(Protocol):
    """A part of the kernel to search."""

    name: str
    steps: int
    """Steps in a session."""
    steps_between_checks: int

    def open(self, pair: Pair) -> Session:
        """A session from nothing."""
        ...

    def compiled(self) -> Sequence[Path]:
        """The object files that sessions load, compiled now if they have not been."""
        ...

    def simpler(self, step: Step) -> Iterable[Step]:
        """Steps to try in its place when a failure is made small, the simplest first."""
        ...

    def python(self, steps: Sequence[Step], difference: Difference) -> str:
        """The body of ``def reproduce(lab):`` that does *steps*, unindented.

        It does each step within ``told()``, which tells what came of it, and in the end asks what
        *difference* is about.
        """
        ...

    def page(self, steps: Sequence[Step], difference: Difference, kernel: Callable[[], Lab]) -> str:
        """A page fragment with a rule whose example holds on the kernel and fails on the model.

        What the example shows comes from running it in a lab of *kernel*.
        """
        ...
