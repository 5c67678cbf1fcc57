# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What devices refuse, count and tell each other, beside redirection; holds on both engines."""

from __future__ import annotations

import pytest

from spec.lab import Lab
from tests.device_frames import FRAME, tagged
from tests.redirect_programs import frame, redirect
from tests.refusal import refusal, whole_refusal
from tests.switch import Switch, errors, far_end

# What never reaches a device.


@pytest.mark.parametrize("kind", ["tap", "veth", "lo"])
def test_less_than_an_ethernet_header_does_not_arrive(lab: Lab, kind: str) -> None:
    device = lab.lo if kind == "lo" else getattr(lab, kind)("dev0")
    for length in (0, 13):
        assert refusal(device.receive, FRAME[:length]) == "EINVAL"
    device.receive(FRAME[:14])
    assert device.received == [FRAME[:14]]
    assert device.counters["rx_packets"] == 1


def test_a_packet_may_be_as_long_as_mtu_and_header_of_the_sending_end(lab: Lab) -> None:
    veth0 = lab.veth("veth0")
    veth0.receive(FRAME.ljust(1514, b"\0"))
    assert refusal(veth0.receive, FRAME.ljust(1515, b"\0")) == "EMSGSIZE"
    far_end(veth0).mtu = 1000
    assert refusal(veth0.receive, FRAME.ljust(1015, b"\0")) == "EMSGSIZE"
    assert refusal(lab.lo.receive, FRAME.ljust(65551, b"\0")) == "EMSGSIZE"
    assert veth0.counters["rx_packets"] == far_end(veth0).counters["tx_packets"] == 1


@pytest.mark.parametrize(
    ("tag", "limit"), [("8100 0007", 1518), ("88a8 0007", 1514), ("8100 0007 8100 0007", 1518)]
)
def test_only_a_customers_vlan_tag_does_not_count(lab: Lab, tag: str, limit: int) -> None:
    veth0 = lab.veth("veth0")
    veth0.mtu = 3000
    longest = tagged(limit, bytes.fromhex(tag))
    veth0.receive(longest)
    assert veth0.received == [longest]
    assert refusal(veth0.receive, longest + b"\0") == "EMSGSIZE"


def test_an_end_with_a_smaller_mtu_drops_what_its_peer_could_send(lab: Lab) -> None:
    veth0 = lab.veth("veth0")
    peer = far_end(veth0)
    peer.mtu = 9000
    veth0.receive(FRAME.ljust(1518, b"\0"), FRAME.ljust(1519, b"\0"))
    assert [len(frame) for frame in veth0.received] == [1518]
    assert (veth0.counters["rx_dropped"], peer.counters["tx_dropped"]) == (1, 1)


def test_a_sender_without_a_carrier_counts_the_drop_alone(lab: Lab) -> None:
    veth0 = lab.veth("veth0")
    peer = far_end(veth0)
    veth0.down()
    veth0.receive(FRAME)
    assert (veth0.counters["rx_dropped"], peer.counters["tx_dropped"]) == (0, 1)
    assert refusal(veth0.receive, FRAME[:13]) == "EINVAL"
    veth0.up()
    peer.down()
    veth0.receive(FRAME, FRAME[:13], FRAME.ljust(1600, b"\0"))
    assert (veth0.counters["rx_dropped"], peer.counters["tx_dropped"]) == (0, 1)


def test_nothing_is_sent_through_a_loopback_device_that_is_down(lab: Lab) -> None:
    lab.lo.down()
    for length in (13, 60):
        assert refusal(lab.lo.receive, FRAME[:length]) == "ENETDOWN"
    assert refusal(lab.tap("eth0").receive, FRAME[:13]) == "EINVAL"


# MTU.


def test_an_mtu_out_of_range_is_refused_in_the_kernels_words(lab: Lab) -> None:
    less, greater = "mtu less than device minimum", "mtu greater than device maximum"
    eth0 = lab.tap("eth0")
    devices = eth0, lab.veth("veth0"), lab.macvlan("mac0", eth0), lab.bridge("br0")
    for device, limit in zip(devices, (65521, 65535, 65521, 65535), strict=True):
        assert whole_refusal(setattr, device, "mtu", 67) == f"EINVAL: {less}"
        assert whole_refusal(setattr, device, "mtu", limit + 1) == f"EINVAL: {greater}"
        device.mtu = limit
        assert device.mtu == limit
    assert whole_refusal(setattr, lab.lo, "mtu", -1) == f"EINVAL: {less}"
    for anything in (0, 70000):
        lab.lo.mtu = anything
        assert lab.lo.mtu == anything


# Devices that are gone, or elsewhere.


@pytest.mark.parametrize("kind", ["tap", "veth"])
def test_of_a_device_that_is_gone_nothing_can_be_asked(lab: Lab, kind: str) -> None:
    device = getattr(lab, kind)("dev0")
    device.remove()
    for name in ("counters", "mtu", "xdp_features"):
        assert refusal(getattr, device, name) == "ENODEV"
    for operation in (device.up, device.down, device.remove, device.detach):
        assert refusal(operation) == "ENODEV"
    assert whole_refusal(setattr, device, "mtu", 1) == "ENODEV"
    assert device.sent == device.received == []


# Making devices.


def test_a_name_is_given_once_and_has_at_most_15_bytes(lab: Lab) -> None:
    eth0 = lab.tap("eth0")
    makers = lab.veth, lab.bridge, lab.ifb, lambda name: lab.macvlan(name, eth0)
    for make in makers:
        assert refusal(make, "eth0") == "EEXIST"
        assert refusal(make, "a" * 16) == "ERANGE"
        assert refusal(make, "a/b") == "EINVAL"
    assert refusal(lab.tap, "eth0") == "EBUSY"
    assert refusal(lab.tap, "a/b") == "EINVAL"
    assert refusal(lab.veth, "veth0", "veth0") == "EEXIST"
    assert refusal(lab.veth, "veth0", "eth0") == "EEXIST"
    assert sorted(device.name for device in lab.devices().values()) == ["eth0", "lo"]


def test_an_ifb_drops_what_does_not_come_from_traffic_control(lab: Lab, switch: Switch) -> None:
    ifb0 = lab.ifb("ifb0")
    assert ifb0.xdp_features == frozenset()
    assert refusal(ifb0.attach, switch.programs["pass"]) == "EOPNOTSUPP"
    to_ifb0 = frame(redirect(ifb0.ifindex))
    assert errors(switch.eth0.receive(to_ifb0)) == ["EOPNOTSUPP"]
    switch.attach("generic")
    assert errors(switch.eth0.receive(to_ifb0)) == [""]
    assert (ifb0.counters["rx_packets"], ifb0.counters["rx_dropped"]) == (1, 1)
    assert ifb0.received == ifb0.sent == []
    ifb0.mtu = 100000
    ifb0.down()
    assert errors(switch.eth0.receive(to_ifb0)) == ["ENETDOWN"]


# Counters.


def test_a_tagged_frame_that_no_vlan_device_takes_counts_as_dropped(lab: Lab) -> None:
    for device in (lab.tap("eth0"), lab.veth("veth0"), lab.lo):
        device.receive(tagged(), tagged(tag=bytes.fromhex("88a8 0000")), FRAME)
        assert len(device.received) == 3
        assert device.counters["rx_dropped"] == 2
