# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Helpers by which a program tells user space something: printk, perf events, ring buffers."""

from __future__ import annotations

import re
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

_CONVERSION = re.compile(r"%(%|(?P<flags>[-0 #+]*\d*)(?P<length>ll|l|h|hh)?(?P<letter>[a-zA-Z]))")


def trace_printk(
    memory: Memory, format: int, size: int, first: int, second: int, third: int
) -> int:
    """``bpf_trace_printk()``: formats ``%d %i %u %x %p %s %c`` with up to three arguments."""
    template = memory.read(format, size & 0xFFFFFFFF)
    if not template.endswith(b"\0"):
        return -EINVAL
    text = template.split(b"\0")[0].decode("latin-1")
    values = [first, second, third]
    try:
        printed = _CONVERSION.sub(lambda match: _convert(memory, match, values), text)
    except (ValueError, IndexError):
        return -EINVAL
    memory.host.printk(printed)
    return len(printed)


def _convert(memory: Memory, match: re.Match[str], values: list[int]) -> str:
    if match.group(1) == "%":
        return "%"
    flags, length, letter = match.group("flags"), match.group("length"), match.group("letter")
    value = values.pop(0)
    if letter == "s":
        return _string(memory, value)
    if letter == "p":
        return f"{value:#x}"
    if letter == "c":
        return chr(value & 0xFF)
    if letter not in "diuxX":
        raise ValueError(letter)
    bits = {"l": 64, "ll": 64, "h": 16, "hh": 8}.get(length, 32)
    value &= (1 << bits) - 1
    if letter in "di" and value >> bits - 1:
        value -= 1 << bits
    return f"%{flags}{'d' if letter in 'diu' else letter}" % value


def _string(memory: Memory, address: int) -> str:
    data = b""
    while not data.endswith(b"\0"):
        data += memory.read(address + len(data), 1)
    return data[:-1].decode("latin-1")


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
