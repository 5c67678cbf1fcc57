# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``BPF_PROG_TEST_RUN``: a program runs on a packet from user space.

Mirrors ``net/bpf/test_run.c: bpf_prog_test_run_xdp, bpf_test_run_xdp_live``.
"""

from __future__ import annotations

from collections import deque
from errno import E2BIG, EINVAL, ENODEV, ENOMEM
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.frame import FRAME_HEADER, HEADROOM, LINEAR_ROOM, MAX_FRAGS, Frame
from spec.lab import TestRun
from spec.machine.host import Context
from spec.redirect.native import do_redirect
from spec.trace import EventLog
from spec.uapi import BPF_XDP_CPUMAP, BPF_XDP_DEVMAP, NO_MAP_ID, Verdict

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor

ETHERNET_HEADER = 14
PAGE_HEADER = 112
"""``struct xdp_page_head``, at the start of each page of a live frame."""
LIVE_ROOM = LINEAR_ROOM - PAGE_HEADER
LIVE_LIMIT = LIVE_ROOM - HEADROOM
"""The longest live frame: 3408 bytes."""
DEFAULT_BATCH, MAX_BATCH = 64, 256
REFILL = 64
"""Pages that the pool of live frames takes at a time."""
_PASS, _TX, _REDIRECT = int(Verdict.XDP_PASS), int(Verdict.XDP_TX), int(Verdict.XDP_REDIRECT)


def run_plain(
    program: ModelProgram, data: bytes, ingress: ModelDevice | None, repeat: int, batch_size: int
) -> TestRun:
    """Run *program* and report its verdict, which is not followed.

    Each run finds the packet as the one before left it. A packet longer than 3520 bytes has
    fragments. What comes back begins with the metadata, if there is any.
    """
    _check_program(program)
    if batch_size:
        raise KernelError(EINVAL)
    if len(data) < ETHERNET_HEADER:
        raise KernelError(EINVAL)
    device = _receiving_device(program, ingress)
    frame = Frame.of(data)
    if len(frame.frags) > MAX_FRAGS:
        raise KernelError(ENOMEM)
    cpu, act = program.lab.processors[0], 0
    for _ in range(repeat or 1):
        cpu.enter()
        act = program.executable.run(Context(frame, device.ifindex), cpu)
        cpu.leave()
    return TestRun.of(act, frame.metadata() + frame.data(), EventLog([], program.lab))


def run_live(
    program: ModelProgram, data: bytes, ingress: ModelDevice | None, repeat: int, batch_size: int
) -> TestRun:
    """Run *program* on *repeat* frames in batches, and follow its verdicts."""
    lab = program.lab
    lab.begin_step()
    _check_program(program)
    if not program.release.has("live_frames"):
        raise KernelError(EINVAL)
    if batch_size > MAX_BATCH:
        raise KernelError(E2BIG)
    if not ETHERNET_HEADER <= len(data) <= LIVE_LIMIT:
        raise KernelError(EINVAL)
    device = _receiving_device(program, ingress)
    batch_size = batch_size or DEFAULT_BATCH
    pool = PagePool(data, batch_size)
    left = repeat or 1
    while left:
        size = min(left, batch_size)
        LiveBatch(program, device, pool).run(lab.processors[0], size)
        left -= size
    return TestRun.of(0, b"", lab.events())


def _check_program(program: ModelProgram) -> None:
    for_entry = program.attach_type in (BPF_XDP_DEVMAP, BPF_XDP_CPUMAP)
    if for_entry and program.release.has("test_run_refuses_entry_programs"):
        raise KernelError(EINVAL)


def _receiving_device(program: ModelProgram, ingress: ModelDevice | None) -> ModelDevice:
    """``xdp_convert_md_to_buff``: *ingress*, or the loopback device of the lab's namespace."""
    lab = program.lab
    if ingress is None:
        return lab.lo
    if not program.release.has("test_run_ingress"):
        raise KernelError(EINVAL)
    if lab.root.find(ingress.ifindex) is not ingress:
        raise KernelError(ENODEV)
    return ingress


class PagePool:
    """Where live frames get their pages: those of dropped frames come back as they were left."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size
        self._ready: list[Frame] = []
        self._returned: deque[Frame] = deque()

    def take(self) -> Frame:
        """A page; a used one keeps its bytes, only the frame's bounds are as at first."""
        if not self._ready:
            while self._returned and len(self._ready) < REFILL:
                self._ready.append(self._returned.popleft())
        if not self._ready:
            self._ready = [Frame.of(self._data, HEADROOM, LIVE_ROOM) for _ in range(REFILL)]
        frame = self._ready.pop()
        frame.meta = frame.start = HEADROOM
        frame.end = HEADROOM + len(self._data)
        return frame

    def give_back(self, frame: Frame) -> None:
        """The page of a dropped frame, unless there are enough."""
        if len(self._returned) < self._size:
            self._returned.append(frame)


class LiveBatch:
    """One round of live frames (``xdp_test_run_batch``)."""

    def __init__(self, program: ModelProgram, ingress: ModelDevice, pool: PagePool) -> None:
        self.program, self.ingress, self.pool = program, ingress, pool

    def run(self, cpu: Processor, size: int) -> None:
        """Run *size* frames, flush once, then let the stack have what passed."""
        cpu.enter()
        passed: list[Frame] = []
        redirected = False
        for _ in range(size):
            frame = self.pool.take()
            act = self.program.executable.run(Context(frame, self.ingress.ifindex), cpu)
            if frame.meta < FRAME_HEADER:
                self.pool.give_back(frame)
            elif act == _PASS:
                passed.append(frame)
            elif act in (_TX, _REDIRECT):
                redirected = True
                self._redirect(cpu, frame, act)
            else:
                self.pool.give_back(frame)
        if redirected:
            cpu.flush()
        for frame in passed:
            self.ingress.deliver(cpu, frame)
        cpu.leave()
        cpu.run_softirqs()

    def _redirect(self, cpu: Processor, frame: Frame, act: int) -> None:
        """There is no driver that could send back, so ``XDP_TX`` is a redirect to *ingress*."""
        if act == _TX:
            cpu.tgt_index = self.ingress.ifindex
            cpu.map_id, cpu.map_type = NO_MAP_ID, None
        if do_redirect(cpu, self.ingress, frame, self.program):
            self.pool.give_back(frame)
