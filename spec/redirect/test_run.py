# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``BPF_PROG_TEST_RUN``: a program runs on a packet from user space.

Mirrors ``net/bpf/test_run.c: bpf_test_run, bpf_test_run_xdp_live``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec.frame import FRAME_HEADER, LINEAR_ROOM, PAGE_SIZE, Frame
from spec.lab import TestRun
from spec.machine.host import Context
from spec.redirect.helpers import BY_IFINDEX
from spec.redirect.live_frames import LiveFrame, PagePool
from spec.redirect.native import do_redirect
from spec.redirect.test_request import DEFAULT_BATCH, Request, prepare
from spec.trace import event_log
from spec.uapi import MapType, Verdict

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor

_XSKMAP = MapType.BPF_MAP_TYPE_XSKMAP
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
            frame.end_run(self.pool.bounds)
            if frame.meta < FRAME_HEADER:
                frame.drop()
            elif act == _PASS:
                frame.send()
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
        if cpu.map.type is not _XSKMAP:
            frame.send()
        if do_redirect(cpu, self.ingress, frame, self.program):
            frame.drop()
