# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Bridges, macvlans and the devices below them; every sentence holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Device, Lab
from spec.trace import ExceptionRaised
from tests.bpf_pieces import INCLUDES, program
from tests.device_frames import ETHERTYPE, FRAME, TO_ALL, TO_ONE, tagged
from tests.redirect_programs import frame, redirect
from tests.refusal import refusal, whole_refusal
from tests.switch import Switch, far_end

SOURCE = (
    INCLUDES
    + program("return XDP_PASS;", name="passes")
    + program("return XDP_ABORTED;", name="aborts")
)


class Passes:
    """Programs that only give a verdict."""

    def __init__(self, lab: Lab, compile_bpf: Callable[..., Path]) -> None:
        self._programs = lab.load(compile_bpf(SOURCE, "verdicts")).programs
        self.aborts = self._programs["aborts"]

    def live(self, frame: bytes, device: Device) -> None:
        """*frame* passes as if *device* had received it, whatever its state."""
        self._programs["passes"].test_run(frame, device, live=True)


@pytest.fixture
def passes(lab: Lab, compile_bpf: Callable[..., Path]) -> Passes:
    return Passes(lab, compile_bpf)


def test_a_macvlan_keeps_to_the_mtu_of_the_device_below(lab: Lab) -> None:
    eth0 = lab.tap("eth0")
    mac0 = lab.macvlan("mac0", eth0)
    assert whole_refusal(setattr, mac0, "mtu", 1501) == "EINVAL"
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
