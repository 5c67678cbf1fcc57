# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a veth counts of its own: the statistics of ``ethtool -S``; holds on both engines."""

from __future__ import annotations

import pytest

from spec.lab import Device, Lab
from spec.uapi import XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX
from tests.redirect_programs import asks, frame, redirect
from tests.refusal import refusal
from tests.switch import Switch, far_end


class Pair:
    """``far`` has a native program that does what frames ask for; ``near`` has one on demand."""

    def __init__(self, lab: Lab, switch: Switch) -> None:
        self.near, self.switch = lab.veth("near", "far"), switch
        self.far = far_end(self.near)
        self.far.attach(switch.programs["follows"])

    def counted(self, arriving: bytes, device: Device | None = None) -> dict[str, int]:
        """What changes in the statistics of ``far`` when *arriving* does, there or at *device*."""
        before = self.far.statistics
        (device or self.far).receive(arriving)
        after = self.far.statistics
        return {name: after[name] - before[name] for name in after if after[name] != before[name]}


@pytest.fixture
def pair(lab: Lab, switch: Switch) -> Pair:
    return Pair(lab, switch)


def test_the_names_are_those_of_the_driver(lab: Lab, pair: Pair) -> None:
    queue = [
        "xdp_packets",
        "xdp_bytes",
        "drops",
        "xdp_redirect",
        "xdp_drops",
        "xdp_tx",
        "xdp_tx_errors",
    ]
    assert list(pair.far.statistics) == [
        "peer_ifindex",
        *(f"rx_queue_0_{name}" for name in queue),
        "tx_queue_0_xdp_xmit",
        "tx_queue_0_xdp_xmit_errors",
    ]
    assert pair.far.statistics["peer_ifindex"] == pair.near.ifindex
    others = pair.switch.eth0, lab.lo, lab.bridge("br0"), lab.macvlan("mac0", pair.switch.eth1)
    assert [dict(device.statistics) for device in others] == [{}] * 4
    pair.far.remove()
    assert refusal(getattr, pair.far, "statistics") == "ENODEV"


@pytest.mark.parametrize(
    ("verdict", "counter"),
    [
        (XDP_ABORTED, "xdp_drops"),
        (XDP_DROP, "xdp_drops"),
        (77, "xdp_drops"),
        (XDP_TX, "xdp_tx_errors"),
        (XDP_PASS, ""),
    ],
)
def test_each_verdict_is_counted(pair: Pair, verdict: int, counter: str) -> None:
    arriving = frame(asks(verdict=verdict))
    expected = {"rx_queue_0_xdp_packets": 1, "rx_queue_0_xdp_bytes": len(arriving) - 14}
    if counter:
        expected[f"rx_queue_0_{counter}"] = 1
    assert pair.counted(arriving) == expected


def test_without_a_program_and_without_gro_nothing_is_counted(pair: Pair) -> None:
    pair.far.detach()
    assert pair.counted(frame()) == {}
    assert pair.far.counters["rx_packets"] == 1


def test_a_redirect_counts_as_such_or_as_a_drop(pair: Pair) -> None:
    counted = pair.counted(frame(redirect(pair.switch.eth1.ifindex)))
    assert counted["rx_queue_0_xdp_redirect"] == 1
    counted = pair.counted(frame(redirect(0x7FFFFFFF)))
    assert counted["rx_queue_0_drops"] == 1
    assert "rx_queue_0_xdp_drops" not in counted


def test_a_frame_sent_back_is_counted_at_both_ends(pair: Pair) -> None:
    pair.near.attach(pair.switch.programs["pass"])
    sent_back = frame(asks(verdict=XDP_TX))
    assert pair.counted(sent_back)["rx_queue_0_xdp_tx"] == 1
    assert pair.near.statistics["rx_queue_0_xdp_bytes"] == len(sent_back)
    assert pair.near.statistics["tx_queue_0_xdp_xmit"] == 0


def test_the_target_of_a_redirect_counts_what_its_peer_took(pair: Pair) -> None:
    near, eth0 = pair.near, pair.switch.eth0
    pair.far.attach(pair.switch.programs["pass"])
    to_near = frame(redirect(near.ifindex))
    assert pair.counted(to_near, eth0) == {
        "rx_queue_0_xdp_packets": 1,
        "rx_queue_0_xdp_bytes": len(to_near),
    }
    assert near.statistics["tx_queue_0_xdp_xmit"] == 1
    pair.far.mtu = 1000
    eth0.receive(frame(redirect(near.ifindex), length=1100))
    assert near.statistics["tx_queue_0_xdp_xmit_errors"] == 1
    pair.far.down()
    eth0.receive(to_near)
    assert near.statistics["tx_queue_0_xdp_xmit_errors"] == 1, "nobody was there to count it"
    assert near.counters["tx_dropped"] == 2
