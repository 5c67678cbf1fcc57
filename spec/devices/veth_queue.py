# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A receive queue of a veth: a ring that one NAPI context polls.

Mirrors ``drivers/net/veth.c: struct veth_rq, veth_xdp_rx, __veth_xdp_flush, veth_poll``.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from spec.devices.veth_round import VethRound
from spec.devices.veth_statistics import QueueStatistics

if TYPE_CHECKING:
    from spec.devices.veth import Veth
    from spec.frame import Frame
    from spec.redirect.processor import Processor

RING_SIZE = 256


class Incoming(NamedTuple):
    """A frame in the ring: redirected, or sent as a socket buffer."""

    frame: Frame
    redirected: bool


class VethQueue:
    """Queue *index* of *device*."""

    __slots__ = ("_scheduled", "device", "index", "ring", "statistics")

    def __init__(self, device: Veth, index: int) -> None:
        self.device, self.index = device, index
        self.ring: deque[Incoming] = deque()
        self.statistics = QueueStatistics()
        self._scheduled = False

    def put(self, frame: Frame, redirected: bool) -> bool:
        """Whether there was room for *frame*."""
        if len(self.ring) >= RING_SIZE:
            return False
        self.ring.append(Incoming(frame, redirected))
        return True

    def kick(self, cpu: Processor) -> None:
        """Have the ring polled."""
        if not self._scheduled:
            self._scheduled = True
            cpu.schedule(self)

    def poll(self, cpu: Processor, budget: int) -> int:
        """Handle at most *budget* frames; how many there were."""
        done = VethRound(self, cpu).run(budget)
        cpu.count(self.device.name, done)
        if done < budget:
            self._scheduled = False
        return done

    def abandon(self) -> None:
        """Lose what waits in the ring."""
        self._scheduled = False
        self.ring.clear()
