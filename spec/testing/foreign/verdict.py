# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What became of a block, and the words for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from spec.testing.foreign.kind import Kind


class Verdict(Enum):
    """What a block came to; the value is how it is called."""

    FINE = "fine as shown"
    COMPLETED = "fine once completed"
    NO_MAP = "no such map"
    UNDEFINED = "undefined name"
    NOT_COMPILED = "does not compile"
    REFUSED = "refused by the verifier"
    NOT_LOADED = "not loaded"
    ENDLESS = "compiler does not end"
    CANT_TELL = "can't tell here"
    NOT_JUDGED = "not judged"

    @property
    def key(self) -> str:
        """The verdict as JSON has it."""
        return self.name.lower()


FINE = (Verdict.FINE, Verdict.COMPLETED)
UNTOLD = (Verdict.CANT_TELL, Verdict.NOT_JUDGED)


@dataclass(frozen=True)
class Judgement:
    """The verdict on one block; lines are the page's."""

    page: str
    line: int
    last_line: int
    name: str
    """The function or thing that the block is about; empty where it defines none."""
    kind: Kind
    verdict: Verdict
    at: int
    """The line that the message is about."""
    message: str = ""
    """One line: the compiler's or the verifier's, or why there is no verdict."""
    headers: tuple[str, ...] = ()
    """Headers that had to be added."""
    joined: tuple[int, ...] = ()
    """Lines of the page's blocks that had to be put before it."""
    licensed: bool = False
    """Whether it was only loaded once it was licensed under the GPL."""
    loaded: str = ""
    """What was loaded, and on which engine."""

    @property
    def failed(self) -> bool:
        return self.verdict not in (*FINE, *UNTOLD)

    @property
    def additions(self) -> str:
        """What was added, in words; empty if nothing was."""
        parts = [f"<{header}>" for header in self.headers]
        if self.joined:
            blocks = "the block" if len(self.joined) == 1 else "the blocks"
            lines = f"line{'' if len(self.joined) == 1 else 's'} {_list(map(str, self.joined))}"
            parts.append(f"{blocks} of {lines}")
        if self.licensed:
            parts.append("a licence")
        return _list(parts)

    @property
    def told(self) -> str:
        """The verdict in one line, without its place."""
        if self.verdict is Verdict.COMPLETED:
            return f"{self.verdict.value}: with {self.additions}"
        told = f"{self.verdict.value}: {self.message}" if self.message else self.verdict.value
        return f"{told} (with {self.additions})" if self.additions else told


def _list(parts: Iterable[str]) -> str:
    words = list(parts)
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
