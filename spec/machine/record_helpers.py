# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Helpers by which a program tells user space something: perf events, ring buffers."""

from __future__ import annotations

from errno import EAGAIN, EFAULT, EINVAL
from typing import cast

from spec.machine.fault import Trap
from spec.machine.host import PerfEventArray, RingBuffer
from spec.machine.memory import Memory
from spec.machine.packet_helpers import packet_length

BPF_F_INDEX_MASK = 0xFFFFFFFF
BPF_F_CURRENT_CPU = BPF_F_INDEX_MASK
BPF_F_CTXLEN_MASK = 0xFFFFF << 32
BPF_RB_NO_WAKEUP, BPF_RB_FORCE_WAKEUP = 1, 2


def perf_event_output(
    memory: Memory, context: int, map: int, flags: int, data: int, size: int
) -> int:
    """``bpf_perf_event_output()``: *flags* holds a CPU and how many packet bytes to append."""
    del context
    if flags & ~(BPF_F_INDEX_MASK | BPF_F_CTXLEN_MASK):
        return -EINVAL
    frame = memory.context.frame
    appended = (flags & BPF_F_CTXLEN_MASK) >> 32
    if appended > packet_length(frame):
        return -EFAULT
    content = memory.read(data, size)
    if appended:
        packet = bytes(frame.memory[frame.start : frame.end]) + b"".join(frame.frags)
        content += packet[:appended]
    cpu = memory.host.cpu()
    index = flags & BPF_F_INDEX_MASK
    if index == BPF_F_CURRENT_CPU:
        index = cpu
    return cast(PerfEventArray, memory.map(map)).output(index, cpu, content)


def ringbuf_output(memory: Memory, map: int, data: int, size: int, flags: int, _: int) -> int:
    """``bpf_ringbuf_output()``: copies a whole record."""
    if flags & ~(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP):
        return -EINVAL
    ring = cast(RingBuffer, memory.map(map))
    content = memory.read(data, size)
    record = ring.reserve(size)
    if record is None:
        return -EAGAIN
    record[:] = content
    ring.commit(record, discard=False)
    return 0


def ringbuf_reserve(memory: Memory, map: int, size: int, flags: int, *_: int) -> int:
    """``bpf_ringbuf_reserve()``: address of a record, or 0."""
    if flags:
        return 0
    ring = cast(RingBuffer, memory.map(map))
    record = ring.reserve(size)
    if record is None:
        return 0
    address = memory.place(record)
    memory.pending[address] = (ring, record)
    return address


def ringbuf_submit(memory: Memory, record: int, *_: int) -> int:
    """``bpf_ringbuf_submit()``."""
    return _commit(memory, record, discard=False)


def ringbuf_discard(memory: Memory, record: int, *_: int) -> int:
    """``bpf_ringbuf_discard()``."""
    return _commit(memory, record, discard=True)


def _commit(memory: Memory, address: int, discard: bool) -> int:
    if address not in memory.pending:
        raise Trap(f"{address:#x} is no reserved ring buffer record")
    ring, record = memory.pending.pop(address)
    memory.forget(address)
    cast(RingBuffer, ring).commit(record, discard)
    return 0


def ringbuf_query(memory: Memory, map: int, what: int, *_: int) -> int:
    """``bpf_ringbuf_query()``: unread bytes, size, or a position."""
    return cast(RingBuffer, memory.map(map)).query(what)
