# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``BPF_PROG_TEST_RUN``: a program runs on a packet from user space.

Mirrors ``net/bpf/test_run.c: bpf_test_run, bpf_test_run_xdp_live``.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from spec.frame import FRAME_HEADER, HEADROOM, LINEAR_ROOM, PAGE_SIZE, Frame
from spec.lab import TestRun
from spec.machine.host import Context
from spec.redirect.helpers import BY_IFINDEX
from spec.redirect.native import do_redirect
from spec.redirect.test_request import DEFAULT_BATCH, Prepared, Request, live_room, prepare
from spec.trace import event_log
from spec.uapi import Verdict

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor

REFILL = 64
"""Pages that the pool of live frames takes at a time."""
_PASS, _TX, _REDIRECT = int(Verdict.XDP_PASS), int(Verdict.XDP_TX), int(Verdict.XDP_REDIRECT)


def run_plain(program: ModelProgram, request: Request) -> TestRun:
    """Run *program* and report its verdict, which is not followed.

    Each run finds the packet as the one before left it. A packet longer than 3520 bytes has
    fragments. What comes back begins with the metadata, if there is any.
    """
    prepared = prepare(program, request)
    kind = LoopbackFrame if prepared.device is program.lab.lo else Frame
    frame = prepared.frame(request.data, LINEAR_ROOM, kind)
    cpu, act = program.lab.processor, 0
    ifindex, queue = prepared.device.ifindex, prepared.queue
    for _ in range(request.repeat or 1):
        cpu.enter()
        act = program.executable.run(Context(frame, ifindex, queue), cpu)
        cpu.leave()
    data = frame.metadata() + frame.data() if request.wants_data else b""
    return TestRun.of(act, data, event_log([], program.lab))


def run_live(program: ModelProgram, request: Request) -> TestRun:
    """Run *program* on ``repeat`` frames in batches, and follow its verdicts.

    Who asks for the packet gets what was handed in.
    """
    lab = program.lab
    prepared = prepare(program, request)
    batch_size = request.batch_size or DEFAULT_BATCH
    pool = PagePool(request.data, prepared, batch_size)
    left = request.repeat or 1
    while left:
        size = min(left, batch_size)
        LiveBatch(program, prepared.device, pool).run(lab.processor, size)
        left -= size
    return TestRun.of(0, request.data if request.wants_data else b"", event_log([], lab))


class LoopbackFrame(Frame):
    """A frame that no device received: test runs tell how large its fragments may become."""

    __slots__ = ()
    frag_room = PAGE_SIZE


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

    def convert(self) -> None:
        """The header of whoever makes a frame of the buffer again is where it belongs."""
        self.is_behind_header = False

    def replace(self, other: Frame) -> None:
        """The frame moves to memory of its own."""
        self.is_behind_header = False
        super().replace(other)


class PagePool:
    """Where live frames get their pages: those of dropped frames come back as they were left."""

    def __init__(self, data: bytes, prepared: Prepared, size: int) -> None:
        release = prepared.device.release
        self._headers_apart = not release.has("live_frames_around_header")
        self._room = live_room(release)
        self._data = data
        self._prepared = prepared
        self._size = size
        self._ready: list[LiveFrame] = []
        self._returned: deque[LiveFrame] = deque()

    def take(self) -> LiveFrame:
        """A page; a used one keeps its bytes, only the frame's bounds are as at first."""
        if not self._ready:
            while self._returned and len(self._ready) < REFILL:
                self._ready.append(self._returned.popleft())
        if not self._ready:
            self._ready = [self._fresh() for _ in range(REFILL)]
        frame = self._ready.pop()
        frame.is_behind_header = self._headers_apart
        frame.start = HEADROOM
        frame.meta = HEADROOM - self._prepared.metadata
        frame.end = frame.meta + len(self._data)
        return frame

    def give_back(self, frame: LiveFrame) -> None:
        """The page of a dropped frame, unless there are enough."""
        if len(self._returned) < self._size:
            self._returned.append(frame)

    def _fresh(self) -> LiveFrame:
        frame = self._prepared.frame(self._data, self._room, LiveFrame)
        frame.pool = self
        return frame


class LiveBatch:
    """One round of live frames (``xdp_test_run_batch``)."""

    def __init__(self, program: ModelProgram, ingress: ModelDevice, pool: PagePool) -> None:
        self.program, self.ingress, self.pool = program, ingress, pool

    def run(self, cpu: Processor, size: int) -> None:
        """Run *size* frames, flush once, then let the stack have what passed."""
        cpu.enter()
        passed: list[LiveFrame] = []
        redirected = False
        for _ in range(size):
            frame = self.pool.take()
            act = self.program.executable.run(Context(frame, self.ingress.ifindex), cpu)
            if frame.meta < FRAME_HEADER:
                frame.drop()
            elif act == _PASS:
                passed.append(frame)
            elif act in (_TX, _REDIRECT):
                redirected = True
                self._redirect(cpu, frame, act)
            else:
                frame.drop()
        if redirected:
            cpu.flush()
        for frame in passed:
            self.ingress.deliver(cpu, frame)
        cpu.leave()
        cpu.run_softirqs()

    def _redirect(self, cpu: Processor, frame: LiveFrame, act: int) -> None:
        """There is no driver that could send back, so ``XDP_TX`` is a redirect to *ingress*."""
        if act == _TX:
            cpu.tgt_index = self.ingress.ifindex
            cpu.map = BY_IFINDEX
        if do_redirect(cpu, self.ingress, frame, self.program):
            frame.drop()
