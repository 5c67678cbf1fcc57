# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames of live test runs and the pages that they are in.

Mirrors ``net/bpf/test_run.c: xdp_test_run_init_page, reset_ctx`` and, as far as pages come back,
``net/core/page_pool.c``.
"""

from __future__ import annotations

from spec.frame import FRAME_HEADER, HEADROOM, Frame
from spec.redirect.pointer_ring import PointerRing
from spec.redirect.test_request import Prepared, live_room

Bounds = tuple[int, int, int]
REFILL = 64
"""Pages that the pool of live frames takes at a time."""


class LiveFrame(Frame):
    """A frame whose page goes back to ``pool`` when it is dropped, by whomever."""

    __slots__ = ("is_behind_header", "pool")
    pool: PagePool | None
    is_behind_header: bool
    """Whether the frame's header is before its headroom, not at the start of it."""

    def drop(self) -> None:
        """The page may serve another frame (``net/core/xdp.c: xdp_return_frame``)."""
        if self.pool is not None:
            self.pool.give_back(self)
        else:
            self.part()

    def page(self) -> LiveFrame:
        """The page with what is in it, apart from this frame, which may get other memory."""
        page = LiveFrame(b"", self.start, self.room)
        page.memory, page.pool = self.memory, self.pool
        self.pool = None
        return page

    def keep_page(self) -> None:
        """Who frees the page does so for good."""
        self.pool = None

    def free(self) -> None:
        """The page may serve another frame."""
        if self.pool is not None:
            self.pool.give_back(self)

    def clone(self) -> Frame:
        """Until 6.2 a copy begins forty bytes too early, as far behind is the data from its frame.

        ``xdpf_clone`` takes the frame's header to be where the headroom begins; the data of live
        frames began after the header (``struct xdp_page_head``).
        """
        copy = super().clone()
        if self.is_behind_header:
            copy.memory = bytearray(FRAME_HEADER) + self.memory[: self.end - FRAME_HEADER]
        return copy

    def begin(self, bounds: Bounds) -> None:
        """Serve once more, as long as at first."""
        self.meta, self.start, self.end = bounds

    def end_run(self, bounds: Bounds) -> None:
        """The program under test has seen it, which found it within *bounds*."""

    def send(self) -> None:
        """It leaves for elsewhere."""

    def convert(self) -> None:
        """The header of whoever makes a frame of the buffer again is where it belongs."""
        self.is_behind_header = False

    def replace(self, other: Frame) -> None:
        """The frame moves to memory of its own."""
        self.is_behind_header = False
        super().replace(other)


class KeepingFrame(LiveFrame):
    """Until 6.3 a page comes back with what an entry's program has made of the frame's header.

    The kernel took care of the buffer alone: unless the program under test moves the packet, the
    frame leaves as the header has it, whatever that program saw.
    """

    __slots__ = ("_header", "_moved")

    def __init__(self, data: bytes, headroom: int, room: int) -> None:
        super().__init__(data, headroom, room)
        self._header: Bounds | None = None
        self._moved = False

    def begin(self, bounds: Bounds) -> None:
        """Only if the last run has moved the packet, the header begins anew too."""
        if self._moved:
            self._header = None
        super().begin(bounds)

    def end_run(self, bounds: Bounds) -> None:
        """The header follows a packet that has been moved, if there is room for it."""
        now = self._bounds()
        self._moved = now != bounds
        if self._moved and self.meta >= FRAME_HEADER:
            self._header = now

    def send(self) -> None:
        """Only now the header counts; sockets got the buffer."""
        if self._header is not None:
            self.meta, self.start, self.end = self._header

    def update(self) -> None:
        """The header of another frame in the same page is of no interest."""
        if self.is_behind_header or self._is_at_front():
            self._header = self._bounds()

    def convert(self) -> None:
        """On 6.3 the new frame's header is where the one of the test run is."""
        if self._is_at_front():
            self._header = self._bounds()
        super().convert()

    def _is_at_front(self) -> bool:
        return self.pool is not None and not self.pool.headers_apart

    def _bounds(self) -> Bounds:
        return self.meta, self.start, self.end


class PagePool:
    """Where live frames get their pages: those of dropped frames come back as they were left."""

    def __init__(self, data: bytes, prepared: Prepared, size: int) -> None:
        release = prepared.device.release
        self.headers_apart = not release.has("live_frames_around_header")
        """Whether headers are before the headroom, not at the start of it."""
        self._kind = LiveFrame if release.has("live_frames_begin_anew") else KeepingFrame
        self._room = live_room(release)
        self._data = data
        self._prepared = prepared
        meta = HEADROOM - prepared.metadata
        self.bounds: Bounds = meta, HEADROOM, meta + len(data)
        """Where metadata and data of a frame begin, and where it ends."""
        self._ready: list[LiveFrame] = []
        self._returned: PointerRing[LiveFrame] = PointerRing(size)

    def take(self) -> LiveFrame:
        """A page; a used one keeps its bytes, only the frame's bounds are as at first."""
        if not self._ready:
            self._ready = self._returned.take(REFILL) or [self._fresh() for _ in range(REFILL)]
        frame = self._ready.pop()
        frame.is_behind_header = self.headers_apart
        frame.begin(self.bounds)
        return frame

    def give_back(self, frame: LiveFrame) -> None:
        """The page of a dropped frame; it is freed for good if the ring has no room."""
        self._returned.put(frame)

    def _fresh(self) -> LiveFrame:
        frame = self._prepared.frame(self._data, self._room, self._kind)
        frame.pool = self
        return frame
