# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What running an example came to, and how a failure is told."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Failure:
    """Something that was not as the page says.

    ``line`` is a line of the page. ``excerpt`` are the lines of the page from ``first`` on that
    are worth showing, ``details`` what happened instead, ``message`` the same in one line.
    """

    line: int
    message: str
    first: int = 0
    excerpt: tuple[str, ...] = ()
    details: tuple[str, ...] = ()

    expected: str = ""
    seen: str = ""
    """Both whole, where the difference is one of texts."""


@dataclass(frozen=True)
class Held:
    """Everything was as the page says."""


@dataclass(frozen=True)
class Failed:
    """Something was not."""

    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class Blocked(Failed):
    """It was not run, since something above it on the page failed that all below depends on."""


@dataclass(frozen=True)
class Skipped:
    """The example does not apply to this engine or release."""

    reason: str


@dataclass(frozen=True)
class CannotTell(Skipped):
    """The engine lacks what it would take to answer, on this machine."""


@dataclass(frozen=True)
class OtherRelease(Skipped):
    """It is about other releases than this."""


Outcome: TypeAlias = Held | Failed | Skipped


def differing_line(want: str, got: str) -> int:
    """Which line of *want*, from 0, is the first that *got* does not have."""
    wanted, given = want.splitlines(), got.splitlines()
    for number, (left, right) in enumerate(zip(wanted, given, strict=False)):
        if left != right:
            return number
    return max(0, min(len(wanted) - 1, len(given)))


def difference(want: str, got: str) -> tuple[str, ...]:
    """*want* and *got* side by side, or as a list of lines that one of them lacks."""
    wanted, given = want.splitlines(), got.splitlines()
    if len(wanted) <= 1 and len(given) <= 1:
        return f"expected: {_line(wanted)}", f"     got: {_line(given)}"
    lines = [line.rstrip("\n") for line in difflib.ndiff(wanted, given)]
    return ("- is expected, + is what came:", *(f"  {x}" for x in lines if not x.startswith("?")))


def summary(want: str, got: str) -> str:
    """The first difference in one line."""
    wanted, given = want.splitlines(), got.splitlines()
    number = differing_line(want, got)
    if number < len(wanted) and number < len(given) and wanted[number] == given[number]:
        number += 1
    return f"expected {_line(wanted[number : number + 1])}, got {_line(given[number : number + 1])}"


def _line(lines: list[str]) -> str:
    return lines[0] if lines else "nothing"
