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
LONG_ROUND = 64
"""``NAPI_POLL_WEIGHT``: frames after which nothing is held back any longer."""
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
    frame.redirected = True
    fits = entry.ring.put(Queued(frame, ingress, generic=True))
    if fits:
        cpu.wake(entry)
    _trace_enqueue(cpu, entry, drops=int(not fits), processed=int(fits))
    return 0 if fits else -ENOSPC


def flush(cpu: Processor) -> None:
    """Move every bulk into its ring and wake the threads (``__cpu_map_flush``)."""
    bulks, cpu.cpu_flush_list = cpu.cpu_flush_list, []
    for bulk in bulks:
        _fill_ring(cpu, bulk)
        cpu.wake(bulk.entry)


def _fill_ring(cpu: Processor, bulk: CpuBulk) -> None:
    """What finds no room is lost, but counts as processed (``bq_flush_to_queue``)."""
    queued, bulk.frames = bulk.frames, []
    drops = 0
    for item in queued:
        if not bulk.entry.ring.put(item):
            drops += 1
            item.frame.drop()
    _trace_enqueue(cpu, bulk.entry, drops, processed=len(queued))


def _trace_enqueue(cpu: Processor, entry: CpuEntry, drops: int, processed: int) -> None:
    cpu.trace.append(
        (CpumapEnqueue, entry.map_id, _REDIRECT, cpu.number, drops, processed, entry.cpu)
    )


class Round:
    """What the thread does with at most 8 frames; counts as ``struct xdp_cpumap_stats``."""

    def __init__(self, cpu: Processor, entry: CpuEntry, batch: list[Queued]) -> None:
        self.cpu, self.entry = cpu, entry
        self.frames = [queued for queued in batch if not queued.generic]
        self.buffers = [queued for queued in batch if queued.generic]
        self.passes = self.drops = self.redirects = 0

    def run(self, slept: bool) -> None:
        """Run the program, and let the stack have what it passes, or all without a program.

        Before ``cpumap_gro`` socket buffers went up first. The account followed what the stack did
        before ``cpumap_account_first``.
        """
        processed = len(self.frames) + len(self.buffers)
        if self.entry.program is not None:
            self._run_program(self.entry.program)
        counts = (processed, int(slept), self.passes, self.drops, self.redirects)
        if self.cpu.release.has("cpumap_gro"):
            self._trace(*counts)
            self._merge([*self.frames, *self.buffers], processed)
        elif self.cpu.release.has("cpumap_account_first"):
            self._trace(*counts)
            self._deliver([*self.buffers, *self.frames])
        else:
            self._deliver([*self.buffers, *self.frames])
            self._trace(*counts)

    def _merge(self, passed: list[Queued], processed: int) -> None:
        """GRO holds segments back until the ring is empty or 64 were taken."""
        entry = self.entry
        for queued in passed:
            if queued.ingress.generic_program is not None:
                self._deliver([queued])
            else:
                entry.gro.receive(queued.ingress, queued.frame)
        entry.taken += processed
        if entry.taken >= LONG_ROUND or not entry.ring:
            entry.gro.flush()
            entry.taken = 0

    def _deliver(self, passed: list[Queued]) -> None:
        """Socket buffers met generic XDP before; frames meet it here, if there is any."""
        for frame, ingress, generic in passed:
            if generic:
                ingress.enter_stack(self.cpu, frame)
            else:
                ingress.deliver(self.cpu, frame)

    def _trace(self, processed: int, slept: int, *verdicts: int) -> None:
        entry, number = self.entry, self.cpu.number
        self.cpu.trace.append(
            (CpumapKthread, entry.map_id, _REDIRECT, number, 0, processed, slept, *verdicts)
        )

    def _run_program(self, program: ModelProgram) -> None:
        """Every frame, then every socket buffer, then the flush (``cpu_map_bpf_prog_run``).

        Before ``cpumap_gro`` the first socket buffer that did not pass was also the last that
        the program saw, and passes of socket buffers were not counted; and softirqs that the
        program's redirects had raised ran before the stack got anything.
        """
        every_buffer = self.cpu.release.has("cpumap_gro")
        self.cpu.enter()
        self.frames = [queued for queued in self.frames if self._passes(program, queued)]
        self.passes = len(self.frames)
        if every_buffer:
            self.buffers = [queued for queued in self.buffers if self._passes(program, queued)]
            self.passes += len(self.buffers)
            self._flush()
        else:
            self._flush()
            for position, queued in enumerate(self.buffers):
                if not self._passes(program, queued):
                    del self.buffers[position]
                    break
        self.cpu.leave()
        if not every_buffer:
            self.cpu.poll_pending()

    def _flush(self) -> None:
        if self.redirects:
            self.cpu.flush()

    def _passes(self, program: ModelProgram, queued: Queued) -> bool:
        from spec.redirect.generic import do_generic_redirect
        from spec.redirect.native import do_redirect

        frame, ingress, generic = queued
        if generic:
            frame.meta = frame.start
        act = program.executable.run(Context(frame, ingress.ifindex), self.cpu)
        if act == _PASS and (generic or frame.meta >= FRAME_HEADER):
            return True
        if act == _REDIRECT:
            frame.convert()
            redirect = do_generic_redirect if generic else do_redirect
            if redirect(self.cpu, ingress, frame, program) == 0:
                self.redirects += 1
                return False
        elif act not in (_DROP, _PASS) and self._tells_of_exceptions(generic):
            self.cpu.trace.append((ExceptionRaised, program.id, act, ingress.ifindex))
        self.drops += 1
        frame.drop()
        return False

    def _tells_of_exceptions(self, generic: bool) -> bool:
        return generic or self.cpu.release.has("cpumap_tells_of_exceptions")


def run_round(cpu: Processor, entry: CpuEntry) -> None:
    """The thread of *entry* takes at most 8 frames from its ring, if there are any."""
    batch = entry.ring.take(BULK_SIZE)
    if batch:
        slept, entry.asleep = entry.asleep, False
        Round(cpu, entry, batch).run(slept)
