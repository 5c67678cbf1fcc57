# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is known about registers before an instruction, whichever way control came there."""

from __future__ import annotations

from typing import NamedTuple

UNKNOWN, UNSET, SCALAR, CONTEXT, MAP, VALUE, PACKET, META, END, STACK, SOCKET, RECORD = (
    "?", "", "scalar", "ctx", "map_ptr", "map_value", "pkt", "pkt_meta", "pkt_end", "fp",
    "xdp_sock", "ringbuf_mem",
)  # fmt: skip
"""Kinds of register content, in the verifier's words (``reg_type_str``)."""


class Content(NamedTuple):
    """What a register holds.

    ``offset`` is a scalar's value, or a pointer's distance in bytes from where its kind begins
    (a stack pointer's from the frame pointer); None where it is not known. ``map`` names the map
    of a MAP or VALUE. ``maybe_null`` is the instruction whose result may still be null. ``bits``
    of a scalar say that the verifier holds every number below 2 to this power possible; 0 means
    that it may know better.
    """

    kind: str
    offset: int | None = None
    map: str = ""
    maybe_null: int | None = None
    bits: int = 0

    @property
    def type_name(self) -> str:
        """As the verifier's messages call it."""
        kind = VALUE if self.kind == SOCKET and self.maybe_null is not None else self.kind
        return f"{kind}_or_null" if self.maybe_null is not None else kind


ANYTHING = Content(UNKNOWN)
NOTHING = Content(UNSET)
NUMBER = Content(SCALAR)

Given = frozenset[tuple[int, bool]]

Slot = tuple[int, int]
"""Offset from the frame pointer and size of something stored on the stack."""


class State:
    """Registers, stack slots, and how many bytes of packet and metadata are known to be there.

    ``packet`` and ``meta`` count from the start of the packet and of the metadata; None where
    the ways that lead here disagree. ``given`` are the branches, each with whether it is taken,
    that lead here and that the verifier may be able to rule out: without any, it comes here.
    """

    __slots__ = ("given", "meta", "packet", "registers", "stack")

    def __init__(
        self,
        registers: list[Content],
        stack: dict[Slot, Content],
        packet: int | None = 0,
        meta: int | None = 0,
        given: Given = frozenset(),
    ) -> None:
        self.registers, self.stack, self.packet, self.meta = registers, stack, packet, meta
        self.given = given

    @classmethod
    def at_entry(
        cls,
        arguments: list[Content],
        packet: int | None,
        meta: int | None,
        given: Given = frozenset(),
    ) -> State:
        """The state in which a function begins; *arguments* are r1 to r5."""
        registers = [NOTHING, *arguments, *[NOTHING] * 4, Content(STACK, 0)]
        return cls(registers, {}, packet, meta, given)

    def copy(self) -> State:
        return State(list(self.registers), dict(self.stack), self.packet, self.meta, self.given)

    def replace(self, old: Content, new: Content) -> None:
        """*old* turns out to be *new*, in every register and slot."""
        self.registers = [new if each == old else each for each in self.registers]
        self.stack = {slot: new if each == old else each for slot, each in self.stack.items()}

    def forget_null_of(self, index: int) -> None:
        """The instruction at *index* runs again: its former results are other pointers."""
        self.registers = [_blur(each, index) for each in self.registers]
        self.stack = {slot: _blur(each, index) for slot, each in self.stack.items()}

    def forget_packet(self) -> None:
        """The packet was moved or resized: pointers to it are plain numbers from here on."""
        self.registers = [_void(each) for each in self.registers]
        self.stack = {slot: _void(each) for slot, each in self.stack.items()}
        self.packet = self.meta = 0

    def lose_packet(self) -> None:
        """Other code ran: nobody knows what it did to the packet."""
        self.registers = [_lost(each) for each in self.registers]
        self.stack = {slot: _lost(each) for slot, each in self.stack.items()}
        self.packet = self.meta = None

    def spill(self, offset: int, size: int, content: Content) -> None:
        """*content* is stored at *offset* of the stack, over whatever was there."""
        self.stack = {
            (start, length): each
            for (start, length), each in self.stack.items()
            if start + length <= offset or offset + size <= start
        }
        self.stack[offset, size] = content

    def merge(self, other: State) -> bool:
        """Keep only what also holds in *other*; whether that was less than before."""
        registers = [_join(*pair) for pair in zip(self.registers, other.registers, strict=True)]
        stack = {
            slot: _join(each, other.stack[slot])
            for slot, each in self.stack.items()
            if slot in other.stack
        }
        packet = self.packet if self.packet == other.packet else None
        meta = self.meta if self.meta == other.meta else None
        given = _either(self.given, other.given)
        before = self.registers, self.stack, self.packet, self.meta, self.given
        changed = before != (registers, stack, packet, meta, given)
        self.given = given
        self.registers, self.stack, self.packet, self.meta = registers, stack, packet, meta
        return changed


def _either(left: Given, right: Given) -> Given:
    """What has to be given if *left* or *right* is enough; one of a branch's two ways is taken."""
    if right < left:
        return right
    only_left, only_right = left - right, right - left
    if len(only_left) == len(only_right) == 1:
        ((branch, taken),), ((other, other_taken),) = only_left, only_right
        if branch == other and taken != other_taken:
            return left & right
    return left


def _join(left: Content, right: Content) -> Content:
    if left == right:
        return left
    if left.kind == right.kind == SCALAR:
        return NUMBER
    return ANYTHING


def _blur(content: Content, index: int) -> Content:
    return ANYTHING if content.maybe_null == index else content


def _lost(content: Content) -> Content:
    return ANYTHING if content.kind in (PACKET, META, END) else content


def _void(content: Content) -> Content:
    return NUMBER if content.kind in (PACKET, META, END) else content
