# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Native redirection to one device: who takes the frame, and in which order that is asked."""

from __future__ import annotations

import pytest

from spec.lab import Device, Lab
from spec.uapi import NO_MAP_ID
from tests.redirect_programs import frame, redirect, slot
from tests.switch import Switch, bulks, errors, far_end, redirected, told
from tests.wide import Wide

LONGEST = 1518
"""MTU, Ethernet header and one VLAN tag."""


def refusals(device: Device, *frames: bytes) -> list[str]:
    """For each of *frames* arriving at *device*, why it was not accepted."""
    return errors(device.receive(*frames))


@pytest.mark.semantics("F-01", "F-04")
@pytest.mark.parametrize("kind", ["lo", "bridge", "macvlan", "veth"])
def test_devices_that_do_not_say_so_take_no_frames(lab: Lab, switch: Switch, kind: str) -> None:
    makers = {
        "lo": lambda: lab.lo,
        "bridge": lambda: lab.bridge("target", switch.eth3),
        "macvlan": lambda: lab.macvlan("target", switch.eth3),
        "veth": lambda: lab.veth("target", "sink"),
    }
    target = makers[kind]()
    assert "ndo-xmit" not in target.xdp_features
    switch.ports.update(0, target)
    frames = frame(slot(0)), frame(redirect(target.ifindex))
    assert refusals(switch.eth0, *frames) == ["EOPNOTSUPP"] * 2
    assert switch.eth0.counters["rx_dropped"] == 2


@pytest.mark.semantics("F-04", "W-10")
def test_a_tap_always_takes_frames(switch: Switch) -> None:
    assert "ndo-xmit" in switch.eth1.xdp_features
    switch.eth0.receive(frame(slot(0)), frame(redirect(switch.eth1.ifindex)))
    assert switch.sent() == [0, 2, 0, 0]


@pytest.mark.semantics("F-01")
def test_a_tap_takes_no_fragments_and_a_veth_does(wide: Wide) -> None:
    long = frame(slot(0), length=8000)
    wide.ports.update(0, wide.tap)
    assert refusals(wide.far, long) == ["EOPNOTSUPP"]
    assert refusals(wide.far, frame(slot(0))) == [""]
    wide.ports.update(0, wide.target)
    assert refusals(wide.far, long) == [""]
    assert wide.sink.received == [long]


@pytest.mark.semantics("F-01")
def test_bpf_redirect_takes_fragments_where_the_target_does(wide: Wide) -> None:
    to = [frame(redirect(device.ifindex), length=8000) for device in (wide.tap, wide.target)]
    assert refusals(wide.far, *to) == ["EOPNOTSUPP", ""]
    assert wide.sink.received == [to[1]]


@pytest.mark.semantics("5.1")
def test_a_device_that_is_down_still_fails_first_for_what_it_cannot_do(
    lab: Lab, switch: Switch
) -> None:
    switch.ports.update(0, lab.lo)
    lab.lo.down()
    assert refusals(switch.eth0, frame(slot(0))) == ["EOPNOTSUPP"]


@pytest.mark.semantics("5.1")
def test_fragments_fail_before_the_device_being_down(wide: Wide) -> None:
    wide.ports.update(0, wide.tap)
    wide.tap.down()
    assert refusals(wide.far, frame(slot(0), length=8000)) == ["EOPNOTSUPP"]
    assert refusals(wide.far, frame(slot(0))) == ["ENETDOWN"]


@pytest.mark.semantics("5.1")
def test_a_device_that_is_down_fails_before_the_length(switch: Switch) -> None:
    switch.eth1.down()
    assert refusals(switch.eth0, frame(slot(0), length=LONGEST + 1)) == ["ENETDOWN"]
    assert switch.eth0.counters["rx_dropped"] == 1


@pytest.mark.semantics("F-02")
@pytest.mark.parametrize("mtu", [68, 1500, 3000])
def test_a_frame_may_be_18_bytes_longer_than_the_mtu(switch: Switch, mtu: int) -> None:
    switch.eth1.mtu = mtu
    frames = [frame(slot(0), length=mtu + more) for more in (18, 19)]
    assert refusals(switch.eth0, *frames) == ["", "EMSGSIZE"]
    assert [len(sent) for sent in switch.eth1.sent] == [mtu + 18]
    assert switch.eth0.counters["rx_dropped"] == 1


@pytest.mark.semantics("F-02")
def test_fragments_count_for_the_length(wide: Wide) -> None:
    wide.ports.update(0, wide.target)
    wide.target.mtu = 5000
    frames = [frame(slot(0), length=length) for length in (5018, 5019)]
    assert refusals(wide.far, *frames) == ["", "EMSGSIZE"]


@pytest.mark.semantics("F-02", "M-01")
def test_the_length_is_not_checked_again_after_the_program_of_the_entry(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_lengthens")
    assert refusals(switch.eth0, frame(slot(0), length=LONGEST)) == [""]
    assert [len(sent) for sent in switch.eth1.sent] == [LONGEST + 100]


@pytest.mark.semantics("F-02")
def test_the_program_of_the_entry_does_not_see_a_frame_that_was_refused(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_aborted")
    events = switch.eth0.receive(frame(slot(0), length=LONGEST + 1))
    assert told(events) == ["xdp_redirect_err eth0 -> eth1 map tx_port[0] err EMSGSIZE"]


@pytest.mark.semantics("F-03")
def test_a_frame_may_go_back_where_it_came_from(switch: Switch) -> None:
    switch.ports.update(0, switch.eth0)
    assert refusals(switch.eth0, frame(slot(0)), frame(redirect(switch.eth0.ifindex))) == ["", ""]
    assert switch.sent() == [2, 0, 0, 0]


@pytest.mark.semantics("F-03", "W-03")
def test_a_device_without_a_carrier_is_not_down(lab: Lab, switch: Switch) -> None:
    near = lab.veth("near", "far")
    far_end(near).attach(switch.programs["pass"])
    far_end(near).down()
    switch.ports.update(0, near)
    events = switch.eth0.receive(frame(slot(0)))
    assert errors(events) == [""]
    assert [(bulk.sent, bulk.drops, bulk.err) for bulk in bulks(events)] == [(0, 1, -6)]


@pytest.mark.semantics("F-04")
def test_a_refused_frame_is_the_loss_of_the_receiving_device(lab: Lab, switch: Switch) -> None:
    switch.ports.update(0, lab.lo)
    switch.eth0.receive(frame(slot(0)), frame(redirect(99)), frame(slot(1)))
    assert (switch.eth0.counters["rx_dropped"], switch.eth0.counters["rx_packets"]) == (2, 1)
    assert lab.lo.counters["tx_dropped"] == 0


@pytest.mark.semantics("F-04", "T-01")
def test_an_ifindex_that_no_device_has_is_einval(switch: Switch) -> None:
    (event,) = redirected(switch.eth0.receive(frame(redirect(99))))
    assert (event.err, event.to_ifindex, event.map_id, event.map_index) == (-22, 99, NO_MAP_ID, 0)
