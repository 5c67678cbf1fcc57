# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ``ethtool -S`` shows of a veth.

Mirrors ``drivers/net/veth.c: veth_rq_stats_desc, veth_tq_stats_desc, veth_get_ethtool_stats``.
"""

from __future__ import annotations

from collections.abc import Mapping


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


def shown(peer_ifindex: int, own: QueueStatistics, peer: QueueStatistics) -> Mapping[str, int]:
    """The names and their order as the driver has them."""
    return {
        "peer_ifindex": peer_ifindex,
        "rx_queue_0_xdp_packets": own.xdp_packets,
        "rx_queue_0_xdp_bytes": own.xdp_bytes,
        "rx_queue_0_drops": own.drops,
        "rx_queue_0_xdp_redirect": own.xdp_redirect,
        "rx_queue_0_xdp_drops": own.xdp_drops,
        "rx_queue_0_xdp_tx": own.xdp_tx,
        "rx_queue_0_xdp_tx_errors": own.xdp_tx_errors,
        "tx_queue_0_xdp_xmit": peer.xmit,
        "tx_queue_0_xdp_xmit_errors": peer.xmit_errors,
    }
