# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a tap does with frames that its program decides about; holds on both engines."""

from __future__ import annotations

import pytest

from spec.lab import Lab
from spec.uapi import XDP_DROP, XDP_PASS, XDP_TX
from tests.redirect_programs import asks, frame, slot
from tests.refusal import refusal
from tests.switch import Switch


@pytest.mark.parametrize(
    ("verdict", "received", "sent", "dropped"),
    [(XDP_PASS, 1, 0, 0), (XDP_TX, 0, 1, 0), (XDP_DROP, 0, 0, 1), (0, 0, 0, 1), (77, 0, 0, 1)],
)
def test_a_tap_follows_each_verdict(
    switch: Switch, verdict: int, received: int, sent: int, dropped: int
) -> None:
    eth0 = switch.eth0
    events = eth0.receive(frame(asks(verdict=verdict)))
    assert (len(eth0.received), len(eth0.sent)) == (received, sent)
    assert eth0.counters["rx_dropped"] == dropped
    assert eth0.counters["rx_packets"] == 1 - dropped
    assert [event.name for event in events] == (["xdp_exception"] if verdict in (0, 77) else [])


def test_a_frame_too_long_for_a_page_takes_the_generic_path(switch: Switch) -> None:
    for device in switch.devices:
        device.mtu = 9000
    native = switch.eth0.receive(frame(slot(0), length=3456))
    generic = switch.eth0.receive(frame(slot(0), length=3457))
    assert [len(native), len(generic)] == [2, 1]
    assert [len(sent) for sent in switch.eth1.sent] == [3457]


def test_a_tap_that_moves_goes_down(lab: Lab, switch: Switch) -> None:
    switch.eth0.move(lab.namespace())
    switch.eth0.receive(frame(asks(verdict=XDP_PASS)))
    assert switch.eth0.received == []
    assert switch.eth0.counters["rx_dropped"] == 1
    assert refusal(lab.lo.move, lab.namespace()) == "EINVAL"
