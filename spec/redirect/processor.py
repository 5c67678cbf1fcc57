# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A CPU that handles packets: rounds of softirq work, and what programs may ask of it.

Mirrors ``net/core/dev.c: net_rx_action``, ``include/linux/filter.h: bpf_net_ctx_set`` and
``net/core/filter.c: xdp_do_flush``.
"""

from __future__ import annotations

import random
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from spec.devices.backlog import Backlog
from spec.errors import InputError
from spec.redirect import cpu_queue
from spec.redirect.bulk import transmit
from spec.redirect.helpers import RedirectState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec.maps.cpumap import CpuEntry
    from spec.model import ModelLab
    from spec.redirect.bulk import BulkQueue
    from spec.redirect.xsk import ModelSocket
    from spec.trace import Record

NAPI_WEIGHT = 64
"""``NAPI_POLL_WEIGHT``: frames in one poll."""
BUDGET = 300
"""``netdev_budget``: frames in one round, of which the last poll may have more."""
LONGEST = 20000
"""Frames that the model handles because of one, before it calls that a loop."""
LONG = LONGEST - 1000
"""From here on it remembers who handles them."""


class Napi(Protocol):
    """Something with frames to poll."""

    def poll(self, cpu: Processor, budget: int) -> int:
        """Handle at most *budget* frames; how many there were."""


class Processor(RedirectState):
    """One CPU. The redirect state and the flush list are those of the round it is in."""

    __slots__ = (
        "_depth",
        "_goes_on",
        "_handled",
        "_in_softirq",
        "_keeps_state",
        "_trail",
        "backlog",
        "cpu_flush_list",
        "flush_list",
        "lab",
        "number",
        "pending",
        "release",
        "socket_flush_list",
        "trace",
        "woken",
    )

    def __init__(self, lab: ModelLab, number: int) -> None:
        super().__init__(lab.release_table.has("redirect_state_names_map"))
        self.lab = lab
        self.number = number
        self.release = lab.release_table
        self.trace: list[Record] = lab.trace
        self.flush_list: list[BulkQueue] = []
        self.cpu_flush_list: list[cpu_queue.CpuBulk] = []
        self.socket_flush_list: list[ModelSocket] = []
        self.backlog = Backlog()
        self.pending: deque[Napi] = deque()
        self.woken: deque[CpuEntry] = deque()
        self._keeps_state = not self.release.has("redirect_state_per_round")
        self._goes_on = self.release.has("rounds_go_on")
        self._depth = 0
        self._in_softirq = False
        self._handled = 0
        self._trail: list[str] = []

    # Rounds.

    def enter(self) -> None:
        """Begin a context for programs; a nested one shares the outer one's state."""
        if not self._depth:
            self.begin()
        self._depth += 1

    def begin(self) -> None:
        """Begin a context in which no other begins, so that nothing need be told of its end."""
        if not self._keeps_state:
            self.map = self.nothing
            self.tgt_index = 0

    def leave(self) -> None:
        """End the context begun last."""
        self._depth -= 1

    def schedule(self, napi: Napi) -> None:
        """Have *napi* polled in this round or the next."""
        self.pending.append(napi)

    def wake(self, entry: CpuEntry) -> None:
        """Have the thread of *entry* run once this CPU is done with its round."""
        if entry not in self.woken:
            entry.asleep = True
            self.woken.append(entry)

    def run_softirqs(self) -> None:
        """Poll what was scheduled, round after round, and run the threads that were woken."""
        if self._in_softirq or self._depth or not (self.pending or self.woken):
            return
        self._in_softirq = True
        self._handled = 0
        try:
            while self.pending or self.woken:
                if self.pending:
                    self._poll_once()
                else:
                    self._run_thread(self.woken[0])
        finally:
            self._in_softirq = False

    def poll_pending(self) -> None:
        """Poll what was scheduled, as a thread does when it lets softirqs in (``do_softirq``)."""
        nested, self._in_softirq = self._in_softirq, True
        try:
            while self.pending:
                self._poll_once()
        finally:
            self._in_softirq = nested

    def _run_thread(self, entry: CpuEntry) -> None:
        """One round; softirqs that it raised run before the next."""
        other = self.lab.processors[entry.cpu]
        self.count(f"CPU {entry.cpu}")
        self.lab.running_cpu = entry.cpu
        try:
            cpu_queue.run_round(other, entry)
            other.run_softirqs()
        finally:
            self.lab.running_cpu = self.number
        if not entry.ring:
            self.woken.remove(entry)

    def _poll_once(self) -> None:
        """One round (``net_rx_action``): whoever asks meanwhile comes after it, or at its end.

        Who has more to do comes last of all; as long as nobody has, the round goes on.
        """
        budget, turn, unfinished = BUDGET, self._take_pending(), list[Napi]()
        self.enter()
        try:
            while budget > 0:
                if not turn:
                    if unfinished or not self.pending or not self._goes_on:
                        break
                    turn = self._take_pending()
                napi = turn.popleft()
                done = napi.poll(self, NAPI_WEIGHT)
                budget -= done
                if done == NAPI_WEIGHT:
                    unfinished.append(napi)
        finally:
            self.leave()
        if turn or unfinished:
            self.pending = deque([*turn, *self.pending, *unfinished])

    def _take_pending(self) -> deque[Napi]:
        taken, self.pending = self.pending, deque()
        return taken

    def count(self, handler: str, frames: int = 1) -> None:
        """*handler* had *frames*. The kernel goes on for ever, the model gives up some day."""
        self._handled += frames
        if self._handled > LONG:
            self._trail.append(handler)
            if self._handled > LONGEST:
                raise self._stop()

    def _stop(self) -> InputError:
        """Lose everything that is under way, and say where it went."""
        way = " -> ".join(circle(self._trail))
        self.lab.abandon()
        return InputError(way, f"still frames after {LONGEST}", "let a program drop them")

    def abandon(self) -> None:
        """Lose what waits for this CPU."""
        self.backlog.abandon()
        self.pending.clear()
        for entry in self.woken:
            entry.ring.take(entry.ring.size)
        self.woken.clear()
        self._trail.clear()

    def flush(self) -> None:
        """Send what is queued on its way: devices, CPUs, then sockets (``xdp_do_flush``).

        The queue of a device that was begun last is first.
        """
        while self.flush_list:
            transmit(self, self.flush_list.pop(), True)
        if self.cpu_flush_list:
            cpu_queue.flush(self)
        while self.socket_flush_list:
            self.socket_flush_list.pop(0).publish()

    # What programs ask for beside redirection.

    def ktime_ns(self) -> int:
        """``bpf_ktime_get_ns()``."""
        return time.monotonic_ns()

    def cpu(self) -> int:
        """``bpf_get_smp_processor_id()``."""
        return self.number

    def random_u32(self) -> int:
        """``bpf_get_prandom_u32()``."""
        return random.getrandbits(32)

    def mtu(self, ingress_ifindex: int, ifindex: int) -> int | None:
        """For ``bpf_check_mtu()``: of a device in the namespace of the receiving one."""
        namespace = self.lab.namespace_of(ingress_ifindex)
        device = namespace.find(ifindex or ingress_ifindex)
        return None if device is None else device.mtu

    def printk(self, text: str) -> None:
        """``bpf_trace_printk()``: kept by the lab."""
        self.lab.printed.append(text)


def circle(trail: Sequence[str]) -> Sequence[str]:
    """The shortest way that repeats itself at the end of *trail*, back to where it began."""
    for length in range(1, len(trail) // 2 + 1):
        way = trail[-length:]
        if trail[-2 * length : -length] == way:
            return [*way, way[0]]
    return sorted(set(trail))
