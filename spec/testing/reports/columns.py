# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Two texts side by side, lines that are the same beside each other."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

NOTHING = "(nothing)"

_ROLE = re.compile(r"(?::[\w.+-]+)+:(?=`)")


class Row(NamedTuple):
    """One line of each text; ``None`` where a text has no line there."""

    expected: str | None
    seen: str | None

    @property
    def same(self) -> bool:
        return self.expected == self.seen


def side_by_side(expected: str, seen: str) -> Iterator[Row]:
    """The lines of both texts, in rows."""
    left, right = expected.splitlines() or [NOTHING], seen.splitlines() or [NOTHING]
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for _, a, b, c, d in matcher.get_opcodes():
        for pair in zip_longest(left[a:b], right[c:d]):
            yield Row(*pair)


def plain(sentence: str) -> str:
    """A rule's sentence without its markup: ``` ``XDP_TX`` ``` reads ``XDP_TX``."""
    text = sentence.replace(":sup:`", "^`")
    return _ROLE.sub("", text).replace("\\ ", "").replace("`", "")
