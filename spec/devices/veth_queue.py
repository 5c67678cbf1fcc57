# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A receive queue of a veth: a ring that one NAPI context polls.

Mirrors ``drivers/net/veth.c: struct veth_rq, veth_xdp_rx, __veth_xdp_flush, veth_poll``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from spec.devices.page_fragments import PageFragments
from spec.devices.veth_round import VethRound
from spec.devices.veth_statistics import QueueStatistics
from spec.redirect.pointer_ring import PointerRing

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

    __slots__ = (
        "_flushes_first",
        "_scheduled",
        "_sends_first",
        "device",
        "index",
        "pages",
        "ring",
        "statistics",
    )

    def __init__(self, device: Veth, index: int) -> None:
        self.device, self.index = device, index
        self.ring: PointerRing[Incoming] = PointerRing(RING_SIZE)
        self.pages = PageFragments(device.release.has("veth_shares_pages"))
        self.statistics = QueueStatistics()
        self._scheduled = False
        self._flushes_first = device.release.has("veth_flushes_first")
        self._sends_first = device.release.has("veth_sends_first")

    def put(self, frame: Frame, redirected: bool) -> bool:
        """Whether there was room for *frame*."""
        return self.ring.put(Incoming(frame, redirected))

    def kick(self, cpu: Processor) -> None:
        """Have the ring polled."""
        if not self._scheduled:
            self._scheduled = True
            cpu.schedule(self)

    def poll(self, cpu: Processor, budget: int) -> int:
        """Handle at most *budget* frames; how many there were.

        What GRO holds back goes up at the completion (``napi_complete_done``), or after all if
        there was more to do. A frame that has come round into this very ring is for the next
        poll, behind the devices that got frames before the completion.
        """
        round = VethRound(self, cpu)
        done = round.run(budget)
        cpu.count(self.device.name, done)
        if self._flushes_first:
            round.flush()
        if self._sends_first:
            round.send_back()
        if done < budget:
            round.gro.flush()
            self._scheduled = False
            if self.ring:
                self.kick(cpu)
        round.send_back()
        round.flush()
        round.gro.flush()
        return done

    def stop(self) -> None:
        """Nobody polls any more: ring and pages go (``veth_napi_del_range``)."""
        self.ring.clear()
        self.pages.clear()

    def abandon(self) -> None:
        """Lose what waits in the ring."""
        self._scheduled = False
        self.ring.clear()
