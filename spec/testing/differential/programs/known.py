# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the generator knows about registers and stack: enough to write nothing unverifiable.

A verifier in miniature, and stricter than the kernel's: what it does not know, it does not use.
"""

from __future__ import annotations

from typing import NamedTuple

NUMBER, CONTEXT, PACKET, END, VALUE, STACK, CALLER = (
    "number", "context", "packet", "end", "value", "stack", "caller",
)  # fmt: skip


class Content(NamedTuple):
    """What a register or an eight-byte stack slot holds.

    ``offset`` is a pointer's distance from the start of the packet, of the map value, of the
    memory that a caller passed, or from the frame pointer. ``map`` names the map of a VALUE.
    ``size`` says how many bytes there are: of a packet, as far as this very pointer was checked.
    """

    kind: str
    offset: int = 0
    map: str = ""
    size: int = 0


A_NUMBER = Content(NUMBER)


class Known:
    """Registers and stack slots whose content is certain."""

    def __init__(self) -> None:
        self.registers: dict[int, Content] = {}
        self.slots: dict[int, Content] = {}

    def copy(self) -> Known:
        """The same knowledge, to go another way with."""
        other = Known()
        other.registers, other.slots = dict(self.registers), dict(self.slots)
        return other

    def meet(self, other: Known) -> None:
        """Control may also come from where *other* is known."""
        self.registers = _both(self.registers, other.registers)
        self.slots = _both(self.slots, other.slots)

    def forget(self, *kinds: str) -> None:
        """Pointers of *kinds* are void from here on."""
        self.registers = {n: c for n, c in self.registers.items() if c.kind not in kinds}
        self.slots = {n: c for n, c in self.slots.items() if c.kind not in kinds}

    def packet_reaches(self, length: int) -> None:
        """Every pointer to the packet was just found to have *length* bytes behind its start."""
        for places in (self.registers, self.slots):
            for place, content in places.items():
                if content.kind == PACKET:
                    places[place] = content._replace(size=max(content.size, length))

    def forget_map(self, name: str) -> None:
        """Elements of the map *name* may have been replaced."""
        for places in (self.registers, self.slots):
            for place in [p for p, c in places.items() if c.kind == VALUE and c.map == name]:
                del places[place]


def _both(left: dict[int, Content], right: dict[int, Content]) -> dict[int, Content]:
    return {place: content for place, content in left.items() if right.get(place) == content}
