# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""veth pairs (``drivers/net/veth.c``): what one end sends, the other receives."""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

from kernel_impl.counters import Counters
from kernel_impl.devices.device import KernelDevice
from kernel_impl.ifindex import new_ifindex
from spec.errors import KernelError

if TYPE_CHECKING:
    from kernel_impl.lab import KernelLab

PATIENCE_S = 1.0
NO_QUEUE_YET = "noop"
NOTHING = Counters(0, 0, 0)
LOST = (errno.ENETDOWN, errno.ENOBUFS, errno.ENXIO)
"""Ways in which a device says that it dropped the frame."""


class VethDevice(KernelDevice):
    """One end of a pair."""

    other: VethDevice

    def __init__(self, lab: KernelLab, name: str, ifindex: int) -> None:
        super().__init__(lab, name, ifindex)
        self._before = NOTHING
        self.expected = 0
        """Frames that are on their way to this end since the step began."""
        self.left = 0
        """Those of them that nobody will poll until more arrive."""

    @classmethod
    def pair(cls, lab: KernelLab, name: str, peer: str, queues: tuple[int, int]) -> VethDevice:
        """Both ends, up, each with so many *queues*."""
        ifindex, peer_ifindex = new_ifindex(), new_ifindex()
        lab.network.links.create_veth(name, ifindex, peer, peer_ifindex, queues)
        near, far = cls(lab, name, ifindex), cls(lab, peer, peer_ifindex)
        near.other, far.other = far, near
        far.up()
        near.up()
        return near

    @property
    def peer(self) -> VethDevice:
        return self.other

    def up(self) -> None:
        super().up()
        for end in (self, self.other):
            end.wait_for_queue()

    def vanish(self) -> None:
        super().vanish()
        if self.other.registered:
            self.other.vanish()

    def arrive(self, frame: bytes) -> None:
        try:
            self.other.network.packets.send(self.other.name, frame)
        except KernelError as error:
            if error.errno not in LOST:
                raise
        else:
            self.expected += 1

    def begin_step(self) -> None:
        self.expected, self.left, self._before = self.left, 0, self._counted()

    def handled(self) -> int:
        """Frames that have come to their end here since the step began, whichever it was."""
        # Which counter a frame ends in depends on NAPI; together they have each frame once.
        for end in (self, self.other):
            end.network.counters.forget()
        near, far = self._counted(), self.other._counted()
        return (
            near.rx_packets
            - self._before.rx_packets
            + near.rx_dropped
            - self._before.rx_dropped
            + far.tx_dropped
            - self.other._before.tx_dropped
        )

    @property
    def sent(self) -> list[bytes]:
        return self.other.received

    def wait_for_queue(self) -> None:
        """Until the kernel has noticed the carrier, what the stack sends goes nowhere."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            link, far = self._link(), self.other._link()
            up = link["flags"] & far["flags"] & 1
            if not up or link.get_attr("IFLA_QDISC") != NO_QUEUE_YET:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self}: no queueing discipline within {PATIENCE_S:g} s")

    def _counted(self) -> Counters:
        return self.network.counters.of(self.name)
