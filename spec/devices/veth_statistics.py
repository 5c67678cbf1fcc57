# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ``ethtool -S`` shows of a veth.

Mirrors ``drivers/net/veth.c: veth_rq_stats_desc, veth_tq_stats_desc, veth_get_ethtool_stats``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spec.devices.veth_queue import VethQueue

RECEIVED = (
    "xdp_packets",
    "xdp_bytes",
    "drops",
    "xdp_redirect",
    "xdp_drops",
    "xdp_tx",
    "xdp_tx_errors",
)


class QueueStatistics:
    """Counts of a receive queue, in frames but for ``xdp_bytes``.

    ``xmit`` and ``xmit_errors`` are about what the *peer* was to transmit into this queue.
    """

    __slots__ = (
        "drops",
        "xdp_bytes",
        "xdp_drops",
        "xdp_packets",
        "xdp_redirect",
        "xdp_tx",
        "xdp_tx_errors",
        "xmit",
        "xmit_errors",
    )

    def __init__(self) -> None:
        self.xdp_packets = self.xdp_bytes = self.drops = 0
        self.xdp_redirect = self.xdp_drops = 0
        self.xdp_tx = self.xdp_tx_errors = 0
        self.xmit = self.xmit_errors = 0


def total(queues: Sequence[VethQueue]) -> QueueStatistics:
    """All *queues* together (``veth_stats_rx``)."""
    if len(queues) == 1:
        return queues[0].statistics
    summed = QueueStatistics()
    for name in QueueStatistics.__slots__:
        setattr(summed, name, sum(getattr(queue.statistics, name) for queue in queues))
    return summed


def shown(
    peer_ifindex: int, own: Sequence[VethQueue], peer: Sequence[VethQueue]
) -> Mapping[str, int]:
    """The names and their order as the driver has them; as many queues to send as to receive."""
    counted = {"peer_ifindex": peer_ifindex}
    for queue in own:
        for name in RECEIVED:
            value: int = getattr(queue.statistics, name)
            counted[f"rx_queue_{queue.index}_{name}"] = value
    for queue in own:
        theirs = total([other for other in peer if other.index % len(own) == queue.index])
        counted[f"tx_queue_{queue.index}_xdp_xmit"] = theirs.xmit
        counted[f"tx_queue_{queue.index}_xdp_xmit_errors"] = theirs.xmit_errors
    return counted
