# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The queue of another CPU: frames wait in bulks of 8, then in a ring, then for its thread.

Mirrors ``kernel/bpf/cpumap.c: cpu_map_enqueue, bq_flush_to_queue, cpu_map_generic_redirect,
cpu_map_kthread_run, cpu_map_bpf_prog_run``.
"""

from __future__ import annotations

from errno import ENOSPC
from typing import TYPE_CHECKING, NamedTuple

from spec.frame import FRAME_HEADER
from spec.machine.host import Context
from spec.trace import CpumapEnqueue, CpumapKthread, ExceptionRaised
from spec.uapi import Verdict

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame
    from spec.maps.cpumap import CpuEntry
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor

BULK_SIZE = 8
"""``CPU_MAP_BULK_SIZE`` and ``CPUMAP_BATCH``: frames enqueued, and taken, together."""
_DROP, _PASS, _REDIRECT = (
    int(Verdict.XDP_DROP),
    int(Verdict.XDP_PASS),
    int(Verdict.XDP_REDIRECT),
)


class Queued(NamedTuple):
    """A frame in the ring, with the device that it came in by."""

    frame: Frame
    ingress: ModelDevice
    generic: bool


class CpuBulk:
    """Frames that one CPU has for ``entry`` and has not put into its ring yet."""

    __slots__ = ("entry", "frames")

    def __init__(self, entry: CpuEntry) -> None:
        self.entry = entry
        self.frames: list[Queued] = []


def enqueue(cpu: Processor, entry: CpuEntry, frame: Frame, ingress: ModelDevice) -> int:
    """Queue *frame* for the CPU of *entry*, which never fails; the 9th moves the first 8 on."""
    bulk = entry.bulks.get(cpu.number)
    if bulk is None:
        bulk = entry.bulks[cpu.number] = CpuBulk(entry)
    if len(bulk.frames) == BULK_SIZE:
        cpu.cpu_flush_list.remove(bulk)
        _fill_ring(cpu, bulk)
    if not bulk.frames:
        cpu.cpu_flush_list.insert(0, bulk)
    bulk.frames.append(Queued(frame, ingress, generic=False))
    return 0


def enqueue_generic(cpu: Processor, entry: CpuEntry, frame: Frame, ingress: ModelDevice) -> int:
    """Put the one *frame* into the ring and wake its thread, or ``-ENOSPC``."""
    full = len(entry.ring) >= entry.queue_size
    if not full:
        entry.ring.append(Queued(frame, ingress, generic=True))
        cpu.wake(entry)
    _trace_enqueue(cpu, entry, drops=int(full), processed=int(not full))
    return -ENOSPC if full else 0


def flush(cpu: Processor) -> None:
    """Move every bulk into its ring and wake the threads (``__cpu_map_flush``)."""
    bulks, cpu.cpu_flush_list = cpu.cpu_flush_list, []
    for bulk in bulks:
        _fill_ring(cpu, bulk)
        cpu.wake(bulk.entry)


def _fill_ring(cpu: Processor, bulk: CpuBulk) -> None:
    """What finds no room is lost."""
    entry, frames = bulk.entry, bulk.frames
    bulk.frames = []
    room = entry.queue_size - len(entry.ring)
    entry.ring.extend(frames[:room])
    _trace_enqueue(cpu, entry, drops=max(0, len(frames) - room), processed=len(frames))


def _trace_enqueue(cpu: Processor, entry: CpuEntry, drops: int, processed: int) -> None:
    arguments = (entry.map_id, _REDIRECT, cpu.number, drops, processed, entry.cpu)
    cpu.trace.append(CpumapEnqueue(*arguments))


class Round:
    """What the thread does with at most 8 frames; counts as ``struct xdp_cpumap_stats``."""

    def __init__(self, cpu: Processor, entry: CpuEntry) -> None:
        self.cpu, self.entry = cpu, entry
        self.passed: list[Queued] = []
        self.drops = self.redirects = 0

    def run(self, batch: list[Queued], slept: bool) -> None:
        """Run the program on *batch*, and let the stack have what it passes."""
        program = self.entry.program
        if program is None:
            self.passed = batch
        else:
            self._run_program(program, batch)
        counts = (len(self.passed), self.drops, self.redirects) if program else (0, 0, 0)
        arguments = (self.entry.map_id, _REDIRECT, self.cpu.number, 0, len(batch), int(slept))
        self.cpu.trace.append(CpumapKthread(*arguments, *counts))
        for queued in self.passed:
            queued.ingress.enter_stack(self.cpu, queued.frame)

    def _run_program(self, program: ModelProgram, batch: list[Queued]) -> None:
        self.cpu.enter()
        for queued in sorted(batch, key=lambda queued: queued.generic):
            self._follow(program, queued)
        if self.redirects:
            self.cpu.flush()
        self.cpu.leave()

    def _follow(self, program: ModelProgram, queued: Queued) -> None:
        from spec.redirect.generic import do_generic_redirect
        from spec.redirect.native import do_redirect

        frame, ingress, generic = queued
        act = program.executable.run(Context(frame, ingress.ifindex), self.cpu)
        if act == _PASS and (generic or frame.meta >= FRAME_HEADER):
            self.passed.append(queued)
            return
        if act == _REDIRECT:
            redirect = do_generic_redirect if generic else do_redirect
            if redirect(self.cpu, ingress, frame, program) == 0:
                self.redirects += 1
                return
        elif generic and act not in (_DROP, _PASS):
            self.cpu.trace.append(ExceptionRaised(program.id, act, ingress.ifindex))
        self.drops += 1


def run_thread(cpu: Processor, entry: CpuEntry) -> None:
    """The thread of *entry* was woken: empty the ring, 8 frames at a time."""
    slept = True
    while entry.ring:
        size = min(BULK_SIZE, len(entry.ring))
        batch = [entry.ring.popleft() for _ in range(size)]
        Round(cpu, entry).run(batch, slept)
        slept = False
