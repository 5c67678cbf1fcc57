# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Waiting until every frame of a step has come to its end, by counting and never by the clock.

Frames to a tap are there when the system call returns. Those to a veth or to another CPU are
handled by somebody else; the events say how many there are, counters say how many are done.
"""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from kernel_impl.devices.device import KernelDevice
from kernel_impl.devices.upper import MacvlanDevice
from kernel_impl.devices.veth import VethDevice
from kernel_impl.packets import ETH_P_ALL
from spec.trace import BulkTx, CpumapEnqueue, CpumapKthread, DevmapXmit, Event

PATIENCE_S = 10.0
# /proc/net would be the main thread's namespace.
SOFTNET = "/proc/thread-self/net/softnet_stat"
BACKLOG_LENGTH, CPU = 11, 12
"""Columns of softnet_stat, hexadecimal (``net/core/net-procfs.c: softnet_seq_show``)."""


class UnsettledError(TimeoutError):
    """Frames are still under way after ten seconds: something is stuck, emulated machine or not."""


class Deadline:
    """Says so when patience is at its end."""

    def __init__(self) -> None:
        self._end = time.monotonic() + PATIENCE_S

    def check(self, open_points: Sequence[str]) -> None:
        """Raise with what is still open; else give others on this CPU a chance."""
        os.sched_yield()
        if time.monotonic() > self._end:
            raise UnsettledError(f"after {PATIENCE_S:g} s: {', '.join(open_points)}")


class InRing(NamedTuple):
    """Frames that were sent to a veth and have not been handled there."""

    veth: VethDevice
    handled: int
    expected: int

    def __str__(self) -> str:
        return f"{self.veth} has handled {self.handled} of {self.expected} frames"


def in_rings(events: Sequence[Event], devices: Mapping[int, KernelDevice]) -> Sequence[InRing]:
    """The veths that have not handled all frames yet that *events* tell of."""
    expected: Counter[VethDevice] = Counter()
    for device in devices.values():
        if isinstance(device, VethDevice):
            expected[device] += device.expected
    for event in events:
        target = devices.get(_transmitter(event))
        if not isinstance(event, DevmapXmit | BulkTx) or not isinstance(target, VethDevice):
            continue
        # What XDP_TX sends is polled at once only by a program (veth_xdp_flush); with GRO alone
        # it stays in the ring until something else comes.
        if isinstance(event, DevmapXmit) or target.other.has_native_program:
            expected[target.other] += event.sent
    counted = [InRing(veth, veth.handled(), count) for veth, count in expected.items() if count]
    return [each for each in counted if each.handled < each.expected]


def elsewhere(
    events: Sequence[Event], devices: Mapping[int, KernelDevice], cpus: Set[int]
) -> Sequence[str]:
    """What else is not finished yet, in words; *cpus* are those that take part."""
    return [*_at_macvlans(devices), *_on_other_cpus(events), *_in_backlogs(cpus)]


def on_any_cpu(devices: Mapping[int, KernelDevice]) -> bool:
    """Whether a kernel thread took part that may be on any CPU, and tells of its frames too early.

    It counts them when they wait for that CPU's softirq (``drivers/net/macvlan.c:
    macvlan_broadcast``).
    """
    uppers = [device for device in devices.values() if isinstance(device, MacvlanDevice)]
    return any(upper.group_frames() for upper in uppers)


def _transmitter(event: Event) -> int:
    if isinstance(event, DevmapXmit):
        return event.to_ifindex
    return event.ifindex if isinstance(event, BulkTx) else 0


def _at_macvlans(devices: Mapping[int, KernelDevice]) -> Sequence[str]:
    uppers = [device for device in devices.values() if isinstance(device, MacvlanDevice)]
    return [f"{upper.waiting()} frames for {upper}" for upper in uppers if upper.waiting()]


def _on_other_cpus(events: Sequence[Event]) -> Sequence[str]:
    queued: Counter[int] = Counter()
    for event in events:
        if isinstance(event, CpumapEnqueue):
            # A frame that a full ring refuses counts as processed and dropped in native mode
            # (kernel/bpf/cpumap.c: bq_flush_to_queue), in generic mode as dropped alone
            # (cpu_map_generic_redirect).
            queued[event.map_id] += max(event.processed - event.drops, 0)
        elif isinstance(event, CpumapKthread):
            queued[event.map_id] -= event.processed
    return [f"{count} frames in CPUMAP {map_id}" for map_id, count in queued.items() if count > 0]


def _in_backlogs(cpus: Set[int]) -> Sequence[str]:
    rows = [line.split() for line in _softnet().splitlines()]
    # Older kernels lack the columns; there the softirq has run before the system call returned.
    known = [row for row in rows if len(row) > CPU and int(row[CPU], 16) in cpus]
    return [
        f"{int(row[BACKLOG_LENGTH], 16)} frames in the backlog of CPU {int(row[CPU], 16)}"
        for row in known
        if int(row[BACKLOG_LENGTH], 16)
    ]


def _softnet() -> str:
    # As every step asks: half the time of a file object.
    file = os.open(SOFTNET, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = b""
        while part := os.read(file, 1 << 16):
            text += part
        return text.decode()
    finally:
        os.close(file)


def rounds(events: Sequence[Event]) -> list[CpumapKthread]:
    """What threads of CPUMAP entries gave account of."""
    return [event for event in events if isinstance(event, CpumapKthread)]


class Threads:
    """Whether the threads of CPUMAP entries have handed on what they gave account of.

    A thread delivers right after its account and lets nobody else onto its CPU until it has, so
    whoever gets there has the proof (``kernel/bpf/cpumap.c: cpu_map_kthread_run``).
    """

    def __init__(self, cpu: int) -> None:
        self._cpu = cpu
        self._heard = 0

    def begin_step(self) -> None:
        """No account has been given yet."""
        self._heard = 0

    def have_delivered(self, events: Sequence[Event]) -> bool:
        """Wait for it; ``False`` if more may have happened meanwhile."""
        accounts = rounds(events)
        fresh = accounts[self._heard :]
        self._heard = len(accounts)
        for cpu in {event.cpu for event in fresh} - {self._cpu}:
            self._visit(cpu)
        return not fresh

    def _visit(self, cpu: int) -> None:
        try:
            os.sched_setaffinity(0, {cpu})
            os.sched_setaffinity(0, {self._cpu})
        except OSError:  # not ours to run on
            # Closing such a socket takes as long as whoever keeps his CPU now needs to let it go.
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)).close()
