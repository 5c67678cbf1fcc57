# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which examples an expression such as ``devmap and not (hash or broadcast)`` selects."""

from __future__ import annotations

import re
from collections.abc import Callable

from spec.errors import InputError

Selection = Callable[[str], bool]

_WORD = re.compile(r"\s*([()]|[^\s()]+)")


def selection(expression: str) -> Selection:
    """Says of a name whether *expression* selects it.

    A word selects the names that contain it, in upper or lower case; ``and``, ``or``, ``not`` and
    parentheses combine words. Raises ``InputError`` for anything else.
    """
    return _Expression(expression).whole()


class _Expression:
    """Reads an expression from left to right, one rule of its grammar in each method."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = [found[1] for found in _WORD.finditer(text.strip())]

    def whole(self) -> Selection:
        found = self.either()
        if self.words:
            raise self.error(f"and, or or not before {self.words[0]!r}")
        return found

    def either(self) -> Selection:
        left = self.both()
        while self.take("or"):
            left = _either(left, self.both())
        return left

    def both(self) -> Selection:
        left = self.one()
        while self.take("and"):
            left = _both(left, self.one())
        return left

    def one(self) -> Selection:
        if self.take("not"):
            return _not(self.one())
        if self.take("("):
            inside = self.either()
            if not self.take(")"):
                raise self.error("a closing parenthesis")
            return inside
        if not self.words or self.words[0] in (")", "and", "or"):
            raise self.error("a name or a part of one")
        word = self.words.pop(0).lower()
        return lambda name: word in name.lower()

    def take(self, word: str) -> bool:
        if self.words[:1] != [word]:
            return False
        del self.words[0]
        return True

    def error(self, wanted: str) -> InputError:
        return InputError(
            f"-k {self.text!r}", f"lacks {wanted}", "write it as 'devmap and not hash'"
        )


def _either(left: Selection, right: Selection) -> Selection:
    return lambda name: left(name) or right(name)


def _both(left: Selection, right: Selection) -> Selection:
    return lambda name: left(name) and right(name)


def _not(inside: Selection) -> Selection:
    return lambda name: not inside(name)
