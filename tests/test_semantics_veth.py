# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A veth as target, as receiver, and as a device that programs are attached to."""

from __future__ import annotations

import pytest

from spec.lab import Device, Lab
from spec.trace import BulkTx
from spec.uapi import BPF_F_BROADCAST, XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX
from tests.redirect_programs import MARK, asks, frame, key, marks, slot
from tests.refusal import refusal
from tests.switch import Switch, bulks, errors, far_end, told
from tests.wide import Wide

EMPTY = 30
TARGET = {"ndo-xmit", "ndo-xmit-sg"}


@pytest.fixture
def near(lab: Lab, switch: Switch) -> Device:
    """A veth in slot 0."""
    made = lab.veth("near", "far")
    switch.put(0, made)
    return made


def is_target(device: Device) -> bool:
    """Whether *device* says that it takes frames."""
    return device.xdp_features >= TARGET


# Who is a target.


@pytest.mark.semantics("W-01")
def test_a_fresh_veth_is_no_target(switch: Switch, near: Device) -> None:
    assert not near.xdp_features & TARGET
    assert errors(switch.eth0.receive(frame(slot(0)))) == ["EOPNOTSUPP"]


@pytest.mark.semantics("W-01")
@pytest.mark.parametrize("by", ["program", "gro"])
def test_a_veth_is_a_target_while_its_peer_polls(switch: Switch, near: Device, by: str) -> None:
    far = far_end(near)
    if by == "program":
        far.attach(switch.programs["pass"])
    else:
        far.offload("gro", True)
    assert (is_target(near), is_target(far)) == (True, False)
    assert errors(switch.eth0.receive(frame(slot(0)))) == [""]
    assert far.received == near.sent == [frame(slot(0))]
    far.detach()
    far.offload("gro", False)
    assert not near.xdp_features & TARGET
    assert errors(switch.eth0.receive(frame(slot(0)))) == ["EOPNOTSUPP"]


@pytest.mark.semantics("W-01")
def test_a_generic_program_does_not_make_the_other_end_a_target(
    switch: Switch, near: Device
) -> None:
    far_end(near).attach(switch.programs["pass"], "generic")
    assert not is_target(near)


@pytest.mark.semantics("W-01")
def test_the_veths_own_program_and_gro_do_not_matter(switch: Switch, near: Device) -> None:
    near.attach(switch.programs["pass"])
    near.offload("gro", True)
    assert not is_target(near)


@pytest.mark.semantics("W-01b")
def test_gro_switched_on_while_the_peer_is_down_shows_when_the_target_is_reopened(
    near: Device,
) -> None:
    far = far_end(near)
    far.down()
    far.offload("gro", True)
    assert not is_target(near)
    far.up()
    assert not is_target(near)
    near.down()
    near.up()
    assert is_target(near)


@pytest.mark.semantics("W-01b")
def test_a_program_attached_while_the_peer_is_down_shows_at_once(
    switch: Switch, near: Device
) -> None:
    far_end(near).down()
    far_end(near).attach(switch.programs["pass"])
    assert is_target(near)


@pytest.mark.semantics("W-01b")
def test_a_program_and_gro_each_keep_the_target(switch: Switch, near: Device) -> None:
    far = far_end(near)
    far.offload("gro", True)
    far.attach(switch.programs["pass"])
    far.detach()
    assert is_target(near)
    far.attach(switch.programs["pass"])
    far.offload("gro", False)
    assert is_target(near)
    far.detach()
    assert not is_target(near)


# What it does with frames.


@pytest.mark.semantics("W-03")
def test_a_peer_that_is_down_is_enxio_at_the_flush(switch: Switch, near: Device) -> None:
    far_end(near).attach(switch.programs["pass"])
    far_end(near).down()
    assert is_target(near)
    events = switch.burst(frame(slot(0)), 3)
    assert errors(events) == ["", "", ""]
    assert [(bulk.sent, bulk.drops, bulk.err) for bulk in bulks(events)] == [(0, 3, -6)]
    assert near.counters["tx_dropped"] == 3


@pytest.mark.semantics("W-04")
def test_a_frame_longer_than_the_peer_allows_is_lost(switch: Switch, near: Device) -> None:
    far = far_end(near)
    far.attach(switch.programs["pass"])
    far.mtu = 1000
    frames = [frame(slot(0), length=length) for length in (1018, 1019)]
    events = switch.eth0.receive(*frames)
    assert [(bulk.sent, bulk.drops, bulk.err) for bulk in bulks(events)] == [(1, 0, 0), (0, 1, 0)]
    assert far.received == frames[:1]
    assert far.counters["rx_dropped"] == 1


@pytest.mark.semantics("W-04")
def test_the_ring_has_room_for_256_frames(switch: Switch, near: Device) -> None:
    far_end(near).attach(switch.programs["drops"])
    run = switch.burst(frame(slot(0)), 256, batch_size=256)
    assert sum(bulk.drops for bulk in bulks(run)) == 0
    switch.put(1, near)
    switch.ports.delete(2)
    run = switch.burst(frame(slot(EMPTY, BPF_F_BROADCAST)), 132, batch_size=132)
    assert [(bulk.sent, bulk.drops) for bulk in bulks(run)] == [(16, 0)] * 16 + [(0, 8)]


@pytest.mark.semantics("W-05")
def test_the_peers_program_runs_on_redirected_frames(switch: Switch, near: Device) -> None:
    far = far_end(near)
    far.attach(switch.programs["marks_itself"])
    switch.burst(frame(slot(0)), 70, batch_size=70)
    assert [marks(received).runs for received in far.received] == [1] * 70


@pytest.mark.semantics("W-05")
def test_a_frame_crosses_two_programs(switch: Switch, near: Device) -> None:
    switch.maps["forward_map"].update(0, switch.eth1)
    far_end(near).attach(switch.programs["follows"])
    assert told(switch.eth0.receive(frame(slot(0), key(0)))) == [
        "xdp_redirect eth0 -> near map tx_port[0]",
        "xdp_devmap_xmit eth0 -> near sent 1 drops 0",
        "xdp_redirect far -> eth1 map forward_map[0]",
        "xdp_devmap_xmit far -> eth1 sent 1 drops 0",
    ]
    assert switch.eth1.sent == [frame(slot(0), key(0))]


@pytest.mark.semantics("W-05", "R-01")
@pytest.mark.parametrize(("before", "error"), [(62, ""), (63, "EBADRQC")])
def test_the_peer_takes_64_frames_in_a_round(
    switch: Switch, near: Device, before: int, error: str
) -> None:
    # What a frame asked for is remembered for the next one, but not beyond the round.
    far_end(near).attach(switch.programs["follows"])
    armed = asks(slot(1), verdict=XDP_DROP), asks(verdict=XDP_REDIRECT)
    asked = frame(*[asks(verdict=XDP_DROP)] * before, *armed)
    to_slot_0, count = switch.programs["to_slot_0"], before + 2
    run = to_slot_0.test_run(asked, switch.eth0, count, live=True, batch_size=count)
    assert errors(run.events) == [""] * count + [error]
    assert switch.sent() == [0, 0, int(not error), 0]


@pytest.mark.semantics("W-05")
def test_without_a_program_frames_go_to_the_stack_of_the_peer(switch: Switch, near: Device) -> None:
    far_end(near).offload("gro", True)
    switch.burst(frame(slot(0)), 3)
    assert far_end(near).received == [frame(slot(0))] * 3
    assert (near.counters["tx_packets"], far_end(near).counters["rx_packets"]) == (3, 3)


@pytest.mark.semantics("W-06")
@pytest.mark.parametrize("verdict", [XDP_PASS, XDP_DROP])
def test_an_ordinary_packet_reaches_the_peers_program(
    switch: Switch, near: Device, verdict: int
) -> None:
    far, asked = far_end(near), frame(asks(MARK, verdict=verdict))
    far.attach(switch.programs["follows"])
    far.receive(asked)
    assert [marks(received).runs for received in far.received] == [1] * (verdict == XDP_PASS)
    assert (far.counters["rx_packets"], far.counters["rx_dropped"]) == (1, 0)


@pytest.mark.semantics("W-06")
def test_a_redirect_that_fails_is_a_loss_of_the_receiving_veth(
    switch: Switch, near: Device
) -> None:
    far = far_end(near)
    far.attach(switch.programs["follows"])
    assert errors(far.receive(frame(slot(33)), frame(slot(1)))) == [""]
    before = far.counters["rx_dropped"]
    switch.eth2.down()
    assert errors(far.receive(frame(slot(1)))) == ["ENETDOWN"]
    assert far.counters["rx_dropped"] - before == 1


@pytest.mark.semantics("W-06")
def test_a_broadcast_to_nobody_is_no_loss(switch: Switch, near: Device) -> None:
    far = far_end(near)
    far.attach(switch.programs["follows"])
    for number in range(3):
        switch.ports.delete(number)
    assert errors(far.receive(frame(slot(EMPTY, BPF_F_BROADCAST)))) == [""]
    assert far.counters["rx_dropped"] == 0


@pytest.mark.semantics("W-06")
def test_a_frame_can_be_sent_back(switch: Switch, near: Device) -> None:
    far, asked = far_end(near), frame(asks(verdict=XDP_TX))
    far.attach(switch.programs["follows"])
    (refused,) = far.receive(asked)
    assert isinstance(refused, BulkTx)
    assert (refused.ifindex, refused.sent, refused.drops, refused.err) == (far.ifindex, 0, 1, -6)
    near.attach(switch.programs["pass"])
    (returned,) = far.receive(asked)
    assert isinstance(returned, BulkTx)
    assert (returned.sent, returned.drops, returned.err) == (1, 0, 0)
    assert near.received == [asked]


# Attaching.


@pytest.mark.semantics("W-07")
def test_a_program_wants_a_peer_whose_packets_fit_a_page(switch: Switch, near: Device) -> None:
    near.mtu = 3507
    assert refusal(far_end(near).attach, switch.programs["pass"]) == "ERANGE"
    near.mtu = 3506
    far_end(near).attach(switch.programs["pass"])
    assert refusal(setattr, near, "mtu", 3507) == "EINVAL"
    far_end(near).detach()
    near.mtu = 9000


@pytest.mark.semantics("W-07")
def test_a_program_that_knows_fragments_wants_no_such_thing(wide: Wide) -> None:
    near = far_end(wide.far)
    near.mtu = 60000
    wide.far.attach(wide.programs["pass"])


@pytest.mark.semantics("W-08", "W-09")
def test_each_device_has_a_program_in_one_mode(switch: Switch, near: Device) -> None:
    for device in (near, switch.eth1):
        device.attach(switch.programs["pass"])
        device.attach(switch.programs["follows"])
        assert refusal(device.attach, switch.programs["pass"], "generic") == "EEXIST"
        device.detach()
        device.attach(switch.programs["pass"], "generic")
        assert refusal(device.attach, switch.programs["pass"], "native") == "EEXIST"


@pytest.mark.semantics("W-09")
def test_drivers_without_xdp_take_generic_programs_only(lab: Lab, switch: Switch) -> None:
    others = lab.lo, lab.macvlan("upper", switch.eth1), lab.bridge("switch", switch.eth2)
    for device in others:
        assert device.xdp_features == frozenset()
        assert refusal(device.attach, switch.programs["pass"]) == "EOPNOTSUPP"
        device.attach(switch.programs["pass"], "generic")


@pytest.mark.semantics("W-09")
@pytest.mark.parametrize("mode", ["native", "generic"])
def test_an_upper_device_with_a_program_is_in_the_way(lab: Lab, switch: Switch, mode: str) -> None:
    lab.macvlan("upper", switch.eth1).attach(switch.programs["pass"], "generic")
    assert refusal(switch.eth1.attach, switch.programs["pass"], mode) == "EEXIST"


@pytest.mark.semantics("W-10")
def test_a_tap_needs_no_peer_and_takes_no_fragments(switch: Switch) -> None:
    assert switch.eth1.xdp_features == {"basic", "redirect", "ndo-xmit"}
    assert told(switch.eth0.receive(frame(slot(0)))) == [
        "xdp_redirect eth0 -> eth1 map tx_port[0]",
        "xdp_devmap_xmit eth0 -> eth1 sent 1 drops 0",
    ]
