# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A kernel release, which knows the changes that it has by their names.

A release stands for the newest stable kernel of its line, so ``6.18`` is 6.18.44. A change that
stable maintainers took over into older lines names those lines as its backports.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from spec.changes import CHANGES
from spec.changes.change import Change
from spec.errors import InputError

OLDEST, NEWEST, DEFAULT = "5.10", "7.2", "6.18"

_BY_NAME = {change.name: change for change in CHANGES}


class Release:
    """A kernel release as ``major.minor``, which knows the changes that it has."""

    __slots__ = ("has", "text")

    def __init__(self, text: str = DEFAULT) -> None:
        if not re.fullmatch(r"\d+\.\d+", text):
            raise InputError(f"release {text!r}", "not of the form 6.18", "give major.minor")
        wanted = number(text)
        if not number(OLDEST) <= wanted <= number(NEWEST):
            raise InputError(
                f"release {text}", "not modelled", f"give one from {OLDEST} to {NEWEST}"
            )
        self.text = text
        self.has: Callable[[str], bool] = {
            change.name: number(change.release) <= wanted or text in change.backports
            for change in CHANGES
        }.__getitem__
        """Whether the change called *name* is in this release."""

    def __str__(self) -> str:
        return self.text


def change(name: str) -> Change:
    """The change called *name*, for who wants to cite its commit."""
    return _BY_NAME[name]


def number(text: str) -> tuple[int, ...]:
    """*text* such as ``6.18`` as numbers that can be compared."""
    return tuple(int(part) for part in text.split("."))
