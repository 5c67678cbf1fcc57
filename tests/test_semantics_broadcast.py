# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Native broadcast: who gets a copy, in which order, and who gets the frame itself."""

from __future__ import annotations

import pytest

from kernel_impl.devices.device import KernelDevice, KernelNamespace
from spec.lab import Device, Lab, Namespace
from spec.uapi import BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS, XDP_DROP
from tests.redirect_programs import (
    Call,
    asks,
    frame,
    key,
    marks,
    metadata,
    redirect,
    slot,
)
from tests.switch import Switch, bulks, errors, redirected, told
from tests.wide import Wide

ALL, ALL_OTHERS = BPF_F_BROADCAST, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS
EMPTY, BEYOND = 30, 77


@pytest.fixture
def to_all() -> Call:
    return slot(EMPTY, ALL)


def reached(switch: Switch, asked: bytes) -> list[str]:
    """The devices that frames were queued for, the first first: they are flushed the last first."""
    events = switch.eth0.receive(asked)
    return [switch.lab.device_name(bulk.to_ifindex) for bulk in reversed(bulks(events))]


def move_with_number(device: Device, namespace: Namespace, ifindex: int) -> None:
    """Move *device* to *namespace*, where it gets *ifindex*; a lab's own numbers never meet."""
    if isinstance(device, KernelDevice):
        assert isinstance(namespace, KernelNamespace)
        target = namespace.network
        place = ("IFLA_NET_NS_FD", target.descriptor.fd), ("IFLA_NEW_IFINDEX", ifindex)
        device.network.links.change(device.ifindex, *place)
        device.network = target
    else:
        device.move(namespace)
    device.ifindex = ifindex


@pytest.mark.semantics("B-01")
def test_slots_are_served_in_ascending_order(switch: Switch) -> None:
    for number in range(3):
        switch.ports.delete(number)
    for number, device in ((20, switch.eth1), (3, switch.eth2), (11, switch.eth3)):
        switch.ports.update(number, device)
    assert reached(switch, frame(slot(EMPTY, ALL))) == ["eth2", "eth3", "eth1"]


@pytest.mark.semantics("B-01")
def test_a_hash_is_served_by_bucket_and_the_newest_first_in_each(switch: Switch) -> None:
    table = switch.maps["forward_map"]
    for index, device in ((7, switch.eth1), (1, switch.eth2), (9, switch.eth3), (0, switch.eth0)):
        table.update(index, device)
    assert reached(switch, frame(key(0, ALL))) == ["eth0", "eth3", "eth2", "eth1"]
    table.update(1, switch.eth2)
    assert reached(switch, frame(key(0, ALL))) == ["eth0", "eth2", "eth3", "eth1"]


@pytest.mark.semantics("B-01")
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("trouble", ["empty", "no driver", "down", "too short"])
def test_whoever_cannot_take_the_frame_is_passed_over_without_a_word(
    lab: Lab, switch: Switch, trouble: str, which: int
) -> None:
    device = switch.devices[which + 1]
    if trouble == "empty":
        switch.ports.delete(which)
    elif trouble == "no driver":
        switch.ports.update(which, lab.lo)
    elif trouble == "down":
        device.down()
    else:
        device.mtu = 100
    events = switch.eth0.receive(frame(slot(EMPTY, ALL), length=200))
    assert switch.sent() == [0] + [int(number != which) for number in range(3)]
    assert errors(events) == [""]
    assert len(bulks(events)) == 2


@pytest.mark.semantics("B-02")
def test_every_device_gets_the_frame_whole_and_one_twice_that_is_there_twice(
    switch: Switch, to_all: Call
) -> None:
    switch.ports.update(9, switch.eth1)
    sent = frame(to_all)
    events = switch.eth0.receive(sent)
    assert [device.sent for device in switch.devices] == [[], [sent] * 2, [sent], [sent]]
    assert [(bulk.sent, bulk.drops) for bulk in bulks(events)] == [(1, 0), (1, 0), (2, 0)]


@pytest.mark.semantics("B-02", "E-25")
@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_last_device_gets_the_frame_itself(switch: Switch, which: int) -> None:
    # The page of a live frame that is dropped comes back for a later frame as it was left: the
    # mark shows whether the program at the entry wrote on the frame itself or on a copy.
    for number, device in enumerate(switch.devices[1:]):
        switch.put(number, device, "entry_marks_and_drops" if number == which else "entry_drop")
    switch.burst(frame(*[slot(EMPTY, ALL)] * 64, redirect(switch.eth0.ifindex)), 65)
    assert [marks(sent).runs for sent in switch.eth0.sent] == [int(which == 2)]


@pytest.mark.semantics("B-03")
@pytest.mark.parametrize("mode", ["empty", "unusable", "excluded"])
def test_a_broadcast_that_finds_nobody_succeeds(lab: Lab, switch: Switch, mode: str) -> None:
    for number in range(3):
        switch.ports.delete(number)
    if mode != "empty":
        switch.ports.update(5, lab.lo if mode == "unusable" else switch.eth0)
    events = switch.eth0.receive(frame(slot(EMPTY, ALL_OTHERS)))
    assert told(events) == ["xdp_redirect eth0 -> 0 map tx_port[30]"]
    assert switch.eth0.counters["rx_dropped"] == 0


@pytest.mark.semantics("B-04")
def test_metadata_goes_with_every_copy(switch: Switch) -> None:
    for number, device in enumerate(switch.devices[1:]):
        switch.put(number, device, "entry_marks")
    switch.eth0.receive(frame(asks(metadata(8), slot(EMPTY, ALL))))
    assert [marks(device.sent[0]).metadata for device in switch.devices[1:]] == [8, 8, 8]


@pytest.mark.semantics("B-05", "B-01")
def test_fragments_can_be_sent_to_the_only_one_who_takes_them(wide: Wide) -> None:
    long = frame(slot(EMPTY, ALL), length=8000)
    wide.ports.update(0, wide.tap)
    wide.ports.update(1, wide.target)
    assert errors(wide.far.receive(long)) == [""]
    assert wide.sink.received == [long]


@pytest.mark.semantics("B-05")
def test_fragments_cannot_be_copied(wide: Wide) -> None:
    long = frame(slot(EMPTY, ALL), length=8000)
    wide.ports.update(0, wide.target)
    wide.ports.update(1, wide.target)
    assert errors(wide.far.receive(long)) == ["EOPNOTSUPP"]
    assert wide.sink.received == []
    wide.far.receive(frame(slot(EMPTY, ALL)))
    assert len(wide.sink.received) == 2


@pytest.mark.semantics("B-06")
def test_the_ingress_device_can_be_left_out(switch: Switch) -> None:
    switch.ports.update(5, switch.eth0)
    switch.eth0.receive(frame(slot(EMPTY, ALL_OTHERS)))
    assert switch.sent() == [0, 1, 1, 1]
    switch.eth0.receive(frame(slot(EMPTY, ALL)))
    assert switch.sent() == [1, 1, 1, 1]


@pytest.mark.semantics("B-06")
@pytest.mark.parametrize("kind", ["bridge", "macvlan"])
def test_upper_devices_of_the_ingress_device_are_left_out_too(
    lab: Lab, generic: Switch, kind: str
) -> None:
    upper: Device
    if kind == "bridge":
        upper = lab.bridge("upper", generic.eth0)
    else:
        upper = lab.macvlan("upper", generic.eth0)
    for number in range(3):
        generic.ports.delete(number)
    generic.ports.update(0, upper)
    assert told(generic.eth0.receive(frame(slot(EMPTY, ALL_OTHERS)))) == [
        "xdp_redirect eth0 -> 0 map tx_port[30]"
    ]
    assert generic.sent() == [0, 0, 0, 0]
    generic.eth0.receive(frame(slot(EMPTY, ALL)))
    assert generic.sent() == [1, 0, 0, 0]


@pytest.mark.semantics("B-06")
def test_devices_below_and_beside_the_ingress_device_are_not_left_out(
    lab: Lab, switch: Switch
) -> None:
    lab.bridge("upper", switch.eth0, switch.eth1)
    switch.eth0.receive(frame(slot(EMPTY, ALL_OTHERS)))
    assert switch.sent() == [0, 1, 1, 1]


@pytest.mark.semantics("B-06")
@pytest.mark.parametrize(("uppers", "error"), [(8, ""), (9, "EOVERFLOW")])
def test_there_is_room_for_eight_upper_devices(
    lab: Lab, switch: Switch, uppers: int, error: str
) -> None:
    for number in range(uppers):
        lab.macvlan(f"upper{number}", switch.eth0)
    assert errors(switch.eth0.receive(frame(slot(EMPTY, ALL_OTHERS)))) == [error]
    assert switch.sent() == ([0, 0, 0, 0] if error else [0, 1, 1, 1])
    assert errors(switch.eth0.receive(frame(slot(EMPTY, ALL)))) == [""]
    assert switch.sent() == [0, 1, 1, 1]


@pytest.mark.semantics("B-07")
def test_an_equal_number_in_another_namespace_is_left_out_too(lab: Lab, switch: Switch) -> None:
    move_with_number(switch.eth0, lab.namespace(), switch.eth2.ifindex)
    switch.eth0.up()
    switch.eth0.receive(frame(slot(EMPTY, ALL_OTHERS)))
    assert switch.sent() == [0, 1, 0, 1]
    switch.eth0.receive(frame(slot(EMPTY, ALL)))
    assert switch.sent() == [0, 1, 1, 1]


@pytest.mark.semantics("B-08", "R-21")
def test_the_event_shows_what_the_key_would_have_found(switch: Switch) -> None:
    for number, to in ((1, switch.eth2.ifindex), (EMPTY, 0), (BEYOND, 0)):
        (event,) = redirected(switch.eth0.receive(frame(slot(number, ALL))))
        assert (event.to_ifindex, event.map_index) == (to, number)


@pytest.mark.semantics("B-08")
def test_an_error_of_a_broadcast_shows_it_too(lab: Lab, switch: Switch) -> None:
    for number in range(9):
        lab.macvlan(f"upper{number}", switch.eth0)
    events = switch.eth0.receive(frame(slot(1, ALL_OTHERS)))
    assert told(events) == ["xdp_redirect_err eth0 -> eth2 map tx_port[1] err EOVERFLOW"]


@pytest.mark.semantics("B-03")
def test_a_wish_for_a_broadcast_is_not_a_broadcast(switch: Switch) -> None:
    assert told(switch.eth0.receive(frame(asks(slot(0, ALL), verdict=XDP_DROP)))) == []
    assert switch.sent() == [0, 0, 0, 0]
