# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A packet in the memory that XDP gives it.

Mirrors ``struct xdp_buff`` and ``struct xdp_frame`` (``include/net/xdp.h``), which differ only in
where the kernel keeps their fields. All sizes are bytes.
"""

from __future__ import annotations

from typing import Self

PAGE_SIZE = 4096
HEADROOM = 256
"""``XDP_PACKET_HEADROOM``: what a program may count on before the packet."""
PADDING = 64
"""``NET_SKB_PAD``: what a socket buffer has before its packet where XDP did not see to more."""
SHARED_INFO = 320
"""``struct skb_shared_info``, which ends the memory of every packet."""
LINEAR_ROOM = PAGE_SIZE - SHARED_INFO
"""Headroom, data and tailroom of a packet that has a page to itself."""
FRAME_HEADER = 40
"""``struct xdp_frame``, stored at the very start of the headroom."""
MAX_FRAGS = 17
"""``MAX_SKB_FRAGS``: fragments beside the linear part."""
CACHE_LINE = 64
_NO_FRAGS: list[bytearray] = []
"""What frames without fragments share; one that has some gets a list of its own."""


def align(size: int) -> int:
    """*size* rounded up as ``SKB_DATA_ALIGN()`` does."""
    return -(-size // CACHE_LINE) * CACHE_LINE


class Frame:
    """One packet: ``memory[start:end]`` is linear data, ``frags`` is the rest of it.

    ``memory`` is headroom, linear data and tailroom, ``room`` bytes in all; what nobody wrote to
    may be missing at its end. ``meta`` is where metadata begins and equals ``start`` where there
    is none. A socket buffer that has been ``redirected`` by way of a CPUMAP is spared generic XDP
    wherever it gets; one whose head is ``locked``, since it is no page of its own, is copied for a
    veth's program, and one that is ``cloned`` shares its memory with another. Most frames are only
    passed on, so memory is made when somebody looks at it.
    """

    frag_room = 0
    """Bytes to which the last fragment may grow: ``xdp_rxq_info.frag_size``, 0 where not told."""

    __slots__ = (
        "_content", "_memory", "_place", "_sharers", "end", "frags", "locked", "meta",
        "redirected", "room", "start",
    )  # fmt: skip

    def __init__(self, data: bytes, headroom: int, room: int) -> None:
        self._content = data
        self._memory: bytearray | None = None
        self._place = self.meta = self.start = headroom
        self.end = headroom + len(data)
        self.room = room
        self.frags = _NO_FRAGS
        self.redirected = self.locked = False
        self._sharers: _Sharers | None = None

    @property
    def memory(self) -> bytearray:
        """Headroom, linear data and tailroom."""
        if self._memory is None:
            self._memory = bytearray(self.room)
            self._memory[self._place : self._place + len(self._content)] = self._content
        return self._memory

    @memory.setter
    def memory(self, memory: bytearray) -> None:
        self._memory = memory

    @classmethod
    def of(cls, data: bytes, headroom: int = HEADROOM, room: int = LINEAR_ROOM) -> Self:
        """A frame with *data*, spilling into fragments of a page where *room* is too small."""
        linear = room - headroom
        if len(data) <= linear:
            return cls(data, headroom, room)
        frame = cls(data[:linear], headroom, room)
        rest = range(linear, len(data), PAGE_SIZE)
        frame.frags = [bytearray(data[offset : offset + PAGE_SIZE]) for offset in rest]
        return frame

    def length(self) -> int:
        """Bytes of the whole packet, fragments included."""
        length = self.end - self.start
        if self.frags:
            length += sum(map(len, self.frags))
        return length

    __len__ = length

    def data(self) -> bytes:
        """The whole packet, fragments included."""
        linear = bytes(self.memory[self.start : self.end])
        return b"".join((linear, *self.frags)) if self.frags else linear

    def metadata(self) -> bytes:
        """What a program left before the packet."""
        return bytes(self.memory[self.meta : self.start])

    def clone(self) -> Frame:
        """A copy on a page of its own (``net/core/xdp.c: xdpf_clone``).

        Fragments stay shared with the original.
        """
        copy = Frame(self._content, self._place, LINEAR_ROOM)
        copy.meta, copy.start, copy.end = self.meta, self.start, self.end
        copy.frags = self.frags
        if self._memory is not None:
            copy.memory = self._memory[: self.end]
        return copy

    def copy(self) -> Frame:
        """A copy with data of its own (``net/core/skbuff.c: skb_copy``)."""
        copy = self._view()
        copy.memory = bytearray(self.memory)
        copy.locked = True
        copy.frags = [bytearray(frag) for frag in self.frags]
        return copy

    def sharing(self) -> Frame:
        """A second view of the same memory (``net/core/skbuff.c: skb_clone``)."""
        view = self._view()
        view._sharers = self._sharers = self._sharers or _Sharers(self.page())
        view._sharers.users += 1
        return view

    @property
    def cloned(self) -> bool:
        """Whether somebody else still has the same memory."""
        return self._sharers is not None and self._sharers.users > 1

    def part(self) -> None:
        """Let go of the memory; the last of those who share it frees it."""
        sharers, self._sharers = self._sharers, None
        if sharers is None:
            self.page().free()
            return
        sharers.users -= 1
        if not sharers.users:
            sharers.page.free()

    def page(self) -> Frame:
        """What the memory belongs to, to be freed once."""
        return self

    def free(self) -> None:
        """The memory of most frames is of no further interest."""

    def _view(self) -> Frame:
        view = Frame(self._content, self._place, self.room)
        view.replace(self)
        view.redirected = self.redirected
        return view

    def lengthen(self, end: int) -> bool:
        """Move the end of the linear data up to *end* if there is room; new bytes are zero."""
        if end > self.room:
            return False
        added = bytes(end - self.end)
        if end > len(self.memory):
            # Views of the old memory forbid that it grows.
            self.memory = self.memory[: self.end] + added
        else:
            self.memory[self.end : end] = added
        self.end = end
        return True

    def convert(self) -> None:
        """Whoever had it as a buffer makes a frame of it (``xdp_convert_buff_to_frame``)."""

    def update(self) -> None:
        """It stays a frame, as an entry's program has left it (``xdp_update_frame_from_buff``)."""

    def keep_page(self) -> None:
        """The memory will not go back to where it came from."""

    def drop(self) -> None:
        """Nobody wants the frame any more."""
        self.part()

    def replace(self, other: Frame) -> None:
        """Become *other*, memory and all, which nobody shares."""
        self.part()
        self.memory, self.frags, self.room = other.memory, other.frags, other.room
        self.meta, self.start, self.end = other.meta, other.start, other.end
        self.locked = other.locked


class _Sharers:
    """Who has views of the memory of *page*: so many ``users``."""

    __slots__ = ("page", "users")

    def __init__(self, page: Frame) -> None:
        self.page, self.users = page, 1
