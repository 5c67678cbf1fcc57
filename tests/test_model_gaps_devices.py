# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What devices refuse, count and tell each other, beside redirection; holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.errors import KernelError
from spec.lab import Device, Lab
from spec.trace import ExceptionRaised
from tests.bpf_pieces import INCLUDES
from tests.redirect_programs import frame, redirect
from tests.refusal import refusal
from tests.switch import Switch, errors, far_end

ETHERTYPE, TAG = bytes.fromhex("88b5"), bytes.fromhex("8100 0007")
TO_ALL, TO_ONE = b"\xff" * 6 + b"\x02" * 6, b"\x02\x00\x00\x00\x00\x09" + b"\x02" * 6
SOURCE = (
    INCLUDES
    + """
SEC("xdp") int passes(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int aborts(struct xdp_md *ctx) { return XDP_ABORTED; }
"""
)
FRAME = (TO_ALL + ETHERTYPE).ljust(60, b"\0")


def tagged(length: int = 64, tag: bytes = TAG) -> bytes:
    """A frame with one VLAN tag."""
    return (TO_ALL + tag + ETHERTYPE).ljust(length, b"\0")


class Passes:
    """Programs that only give a verdict."""

    def __init__(self, lab: Lab, compile_bpf: Callable[..., Path]) -> None:
        self._programs = lab.load(compile_bpf(SOURCE, "gaps_devices")).programs
        self.aborts = self._programs["aborts"]

    def live(self, frame: bytes, device: Device) -> None:
        """*frame* passes as if *device* had received it, whatever its state."""
        self._programs["passes"].test_run(frame, device, live=True)


@pytest.fixture
def passes(lab: Lab, compile_bpf: Callable[..., Path]) -> Passes:
    return Passes(lab, compile_bpf)


def told(device: Device, name: str, value: int) -> str:
    """The kernel's whole answer to setting *name*."""
    with pytest.raises(KernelError) as caught:
        setattr(device, name, value)
    return str(caught.value)


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
        assert told(device, "mtu", 67) == f"EINVAL: {less}"
        assert told(device, "mtu", limit + 1) == f"EINVAL: {greater}"
    assert told(lab.lo, "mtu", -1) == f"EINVAL: {less}"
    for anything in (0, 70000):
        lab.lo.mtu = anything
        assert lab.lo.mtu == anything


def test_a_macvlan_keeps_to_the_mtu_of_the_device_below(lab: Lab) -> None:
    eth0 = lab.tap("eth0")
    mac0 = lab.macvlan("mac0", eth0)
    assert told(mac0, "mtu", 1501) == "EINVAL"
    eth0.mtu = 1000
    assert mac0.mtu == 1000
    eth0.mtu = 2000
    assert mac0.mtu == 1000
    mac0.mtu = 2000


def test_a_bridge_has_the_smallest_mtu_of_its_ports_until_somebody_chooses_one(lab: Lab) -> None:
    eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
    eth0.mtu, eth1.mtu = 4000, 3000
    br0 = lab.bridge("br0", eth0, eth1)
    assert br0.mtu == 3000
    eth1.mtu = 5000
    assert br0.mtu == 4000
    eth0.remove()
    assert br0.mtu == 5000
    br0.mtu = 1700
    eth1.mtu = 1600
    assert br0.mtu == 1700
    assert lab.bridge("br1").mtu == 1500


# Devices that are gone, or elsewhere.


@pytest.mark.parametrize("kind", ["tap", "veth"])
def test_of_a_device_that_is_gone_nothing_can_be_asked(lab: Lab, kind: str) -> None:
    device = getattr(lab, kind)("dev0")
    device.remove()
    for name in ("counters", "mtu", "xdp_features"):
        assert refusal(getattr, device, name) == "ENODEV"
    for operation in (device.up, device.down, device.remove, device.detach):
        assert refusal(operation) == "ENODEV"
    assert told(device, "mtu", 1) == "ENODEV"
    assert device.sent == device.received == []


def test_a_macvlan_stays_when_the_device_below_moves_and_goes_when_it_goes(lab: Lab) -> None:
    eth0 = lab.tap("eth0")
    mac0 = lab.macvlan("mac0", eth0)
    eth0.move(lab.namespace())
    assert mac0.ifindex in lab.devices()
    eth0.up()
    eth0.receive(FRAME)
    assert mac0.received == [FRAME]
    eth0.remove()
    assert refusal(mac0.up) == "ENODEV"


def test_a_bridge_loses_a_port_that_moves(lab: Lab) -> None:
    eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
    br0 = lab.bridge("br0", eth0, eth1)
    eth1.move(lab.namespace())
    eth1.up()
    eth0.receive(FRAME)
    assert (br0.received, eth1.sent) == ([FRAME], [])
    eth1.receive(FRAME)
    assert br0.received == []


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


def test_a_device_is_a_port_or_has_macvlans(lab: Lab) -> None:
    eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
    lab.macvlan("mac0", eth0)
    br1 = lab.bridge("br1", eth1)
    assert refusal(lab.bridge, "br0", eth0) == "EBUSY"
    assert refusal(lab.macvlan, "mac1", eth1) == "EBUSY"
    assert refusal(lab.macvlan, "mac1", lab.lo) == "EINVAL"
    assert refusal(lab.bridge, "br2", lab.lo) == "EINVAL"
    assert refusal(lab.bridge, "br3", br1) == "ELOOP"
    lab.macvlan("mac1", br1)


def test_a_port_of_one_bridge_becomes_one_of_another(lab: Lab) -> None:
    eth0 = lab.tap("eth0")
    br0 = lab.bridge("br0", eth0)
    br1 = lab.bridge("br1", eth0)
    eth0.receive(FRAME)
    assert (br0.received, br1.received) == ([], [FRAME])


def test_a_macvlan_of_a_macvlan_is_beside_it(lab: Lab) -> None:
    eth0 = lab.tap("eth0")
    mac0 = lab.macvlan("mac0", eth0)
    mac1 = lab.macvlan("mac1", mac0)
    mac0.down()
    eth0.receive(FRAME)
    assert (mac0.received, mac1.received) == ([], [FRAME])
    mac0.remove()
    mac1.down()


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


# Bridge ports and macvlans.


def test_a_port_that_is_down_has_nothing_for_its_bridge(lab: Lab, passes: Passes) -> None:
    eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
    br0 = lab.bridge("br0", eth0, eth1)
    eth0.down()
    passes.live(FRAME, eth0)
    assert (eth0.received, br0.received, eth1.sent) == ([FRAME], [], [])
    eth0.up()
    passes.live(FRAME, eth0)
    assert (eth0.received, br0.received, eth1.sent) == ([FRAME], [FRAME], [FRAME])
    br0.down()
    passes.live(FRAME, eth0)
    assert (eth0.received, br0.received, eth1.sent) == ([FRAME], [], [])
    assert br0.counters["rx_packets"] == 1


def test_a_bridge_forgets_what_it_saw_at_a_port_that_goes_down(lab: Lab) -> None:
    eth0, eth1, eth2 = (lab.tap(f"eth{number}") for number in range(3))
    lab.bridge("br0", eth0, eth1, eth2)
    answer = TO_ALL[:6] + TO_ONE[:6] + ETHERTYPE + bytes(46)
    to_one = (TO_ONE + ETHERTYPE).ljust(60, b"\0")
    eth1.receive(answer)
    eth0.receive(to_one)
    assert (len(eth1.sent), len(eth2.sent)) == (1, 0)
    eth1.down()
    eth1.up()
    eth0.receive(to_one)
    assert (len(eth1.sent), len(eth2.sent)) == (1, 1)


def test_generic_programs_of_upper_devices_see_what_is_for_them(lab: Lab, passes: Passes) -> None:
    eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
    for below, upper in (eth0, lab.macvlan("mac0", eth0)), (eth1, lab.bridge("br0", eth1)):
        upper.attach(passes.aborts, "generic")
        (event,) = below.receive(FRAME)
        assert isinstance(event, ExceptionRaised)
        assert event.ifindex == upper.ifindex
        assert (below.received, upper.received) == ([FRAME], [])


def test_a_group_frame_through_a_macvlan_reaches_the_other_macvlans(
    lab: Lab, switch: Switch
) -> None:
    mac0, mac1 = (lab.macvlan(f"mac{number}", switch.eth1) for number in range(2))
    switch.attach("generic")
    to_mac0 = frame(redirect(mac0.ifindex))
    group = b"\xff" * 6 + to_mac0[6:]
    switch.eth0.receive(to_mac0, group)
    assert switch.eth1.sent == [to_mac0, group]
    assert (mac0.received, mac1.received) == ([], [group])
    assert mac0.counters["tx_packets"] == 2


def test_a_macvlan_learns_what_the_device_below_dropped_itself(lab: Lab, switch: Switch) -> None:
    veth0 = lab.veth("veth0")
    mac0 = lab.macvlan("mac0", veth0)
    switch.attach("generic")
    far_end(veth0).mtu = 1000
    switch.eth0.receive(frame(redirect(mac0.ifindex), length=1100), frame(redirect(mac0.ifindex)))
    assert (mac0.counters["tx_packets"], mac0.counters["tx_dropped"]) == (1, 1)
    assert (veth0.counters["tx_packets"], veth0.counters["tx_dropped"]) == (1, 1)
    veth0.down()
    switch.eth0.receive(frame(redirect(mac0.ifindex)))
    assert (mac0.counters["tx_packets"], mac0.counters["tx_dropped"]) == (2, 1)
    assert veth0.counters["tx_dropped"] == 2


# Counters.


def test_a_tagged_frame_that_no_vlan_device_takes_counts_as_dropped(lab: Lab) -> None:
    for device in (lab.tap("eth0"), lab.veth("veth0"), lab.lo):
        device.receive(tagged(), tagged(tag=bytes.fromhex("88a8 0000")), FRAME)
        assert len(device.received) == 3
        assert device.counters["rx_dropped"] == 2


def test_a_bridge_takes_tagged_frames_away_and_drops_them_itself(lab: Lab) -> None:
    eth0 = lab.tap("eth0")
    br0 = lab.bridge("br0", eth0)
    eth0.receive(tagged())
    assert (eth0.counters["rx_dropped"], br0.counters["rx_dropped"]) == (0, 1)


@pytest.mark.parametrize(
    ("protocol", "dropped"), [("88b5", 1), ("0800", 0), ("0806", 0), ("8100 0007 0800", 0)]
)
def test_what_a_macvlan_leaves_counts_as_dropped_unless_a_protocol_takes_it(
    lab: Lab, protocol: str, dropped: int
) -> None:
    eth0 = lab.tap("eth0")
    lab.macvlan("mac0", eth0)
    eth0.receive((TO_ONE + bytes.fromhex(protocol)).ljust(60, b"\0"))
    assert len(eth0.received) == 1
    assert eth0.counters["rx_dropped"] == dropped
