# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The program at an entry: what its verdicts do, what it sees, and whose frames it may change."""

from __future__ import annotations

import pytest

from spec.lab import Lab
from spec.trace import ExceptionRaised
from spec.uapi import BPF_F_BROADCAST
from tests.redirect_programs import asks, frame, marks, metadata, redirect, slot
from tests.switch import Switch, bulks, errors, far_end, redirected, told
from tests.wide import Wide

EMPTY = 30


@pytest.mark.semantics("M-01", "M-07", "T-05")
@pytest.mark.parametrize(
    ("program", "raised"),
    [
        ("entry_drop", ""),
        ("entry_aborted", "XDP_ABORTED"),
        ("entry_tx", "XDP_TX"),
        ("entry_redirect", "XDP_REDIRECT"),
        ("entry_unknown", "77"),
    ],
)
def test_only_xdp_pass_lets_a_frame_out(switch: Switch, program: str, raised: str) -> None:
    switch.put(0, switch.eth1, program)
    exception = [f"xdp_exception eth1 program {program} {raised}"] if raised else []
    assert told(switch.eth0.receive(frame(slot(0)))) == [
        "xdp_redirect eth0 -> eth1 map tx_port[0]",
        *exception,
        "xdp_devmap_xmit eth0 -> eth1 sent 0 drops 1",
    ]
    assert switch.sent() == [0, 0, 0, 0]
    assert switch.eth0.counters["rx_dropped"] == 0


@pytest.mark.semantics("M-01")
def test_a_frame_that_passes_goes_out_as_the_program_left_it(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_lengthens")
    switch.eth0.receive(frame(slot(0)))
    (sent,) = switch.eth1.sent
    assert (len(sent), sent[100:]) == (160, frame(slot(0)))


@pytest.mark.semantics("M-01")
def test_a_program_of_an_entry_cannot_redirect_further(switch: Switch) -> None:
    switch.ports.update(39, switch.eth2)
    switch.put(0, switch.eth1, "entry_redirects_to_39")
    events = switch.eth0.receive(frame(slot(0)))
    assert len(redirected(events)) == 1
    assert [event.act for event in events if isinstance(event, ExceptionRaised)] == [4]
    assert switch.sent() == [0, 0, 0, 0]


@pytest.mark.semantics("M-02")
def test_the_helpers_leave_room_for_the_kernels_own_header(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_fills_headroom")
    (bulk,) = bulks(switch.eth0.receive(frame(asks(metadata(32), slot(0)))))
    assert (bulk.sent, bulk.drops) == (1, 0)
    (sent,) = switch.eth1.sent
    assert sent.endswith(frame(asks(metadata(32), slot(0))))


@pytest.mark.semantics("M-03")
def test_the_program_sees_both_devices_and_queue_0(switch: Switch) -> None:
    switch.put(1, switch.eth2, "entry_marks")
    switch.eth0.receive(frame(slot(1)))
    seen = marks(switch.eth2.sent[0])
    assert (seen.ingress_ifindex, seen.egress_ifindex) == (
        switch.eth0.ifindex,
        switch.eth2.ifindex,
    )
    assert (seen.rx_queue_index, seen.linear) == (0, 60)


@pytest.mark.semantics("M-03")
def test_each_copy_of_a_broadcast_is_for_its_own_egress_device(switch: Switch) -> None:
    for number, device in enumerate(switch.devices[1:]):
        switch.put(number, device, "entry_marks")
    switch.eth0.receive(frame(slot(EMPTY, BPF_F_BROADCAST)))
    for device in switch.devices[1:]:
        seen = marks(device.sent[0])
        assert (seen.ingress_ifindex, seen.egress_ifindex, seen.runs) == (
            switch.eth0.ifindex,
            device.ifindex,
            1,
        )


@pytest.mark.semantics("M-05")
@pytest.mark.parametrize("size", [0, 4, 32])
def test_metadata_reaches_the_program(switch: Switch, size: int) -> None:
    switch.put(0, switch.eth1, "entry_marks")
    calls = (metadata(size), slot(0)) if size else (slot(0),)
    switch.eth0.receive(frame(asks(*calls)))
    assert marks(switch.eth1.sent[0]).metadata == size


@pytest.mark.semantics("M-06")
def test_what_a_program_writes_only_its_own_device_sends(switch: Switch) -> None:
    switch.put(1, switch.eth2, "entry_marks")
    switch.eth0.receive(frame(slot(EMPTY, BPF_F_BROADCAST)))
    assert [marks(device.sent[0]).runs for device in switch.devices[1:]] == [0, 1, 0]


@pytest.mark.semantics("M-06", "Q-04")
def test_it_writes_every_copy_in_its_queue_and_no_other(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_marks")
    switch.put(1, switch.eth1)
    switch.put(3, switch.eth2)
    switch.eth0.receive(frame(slot(EMPTY, BPF_F_BROADCAST)))
    sent = [[marks(frame).runs for frame in device.sent] for device in switch.devices[1:]]
    assert sent == [[1, 1], [0], [0]]


@pytest.mark.semantics("M-07")
def test_what_a_program_drops_is_no_loss_of_either_device(lab: Lab, switch: Switch) -> None:
    near = lab.veth("near", "far")
    far_end(near).attach(switch.programs["pass"])
    switch.put(0, near, "entry_drop")
    events = switch.eth0.receive(frame(slot(0)))
    assert errors(events) == [""]
    assert [(bulk.sent, bulk.drops) for bulk in bulks(events)] == [(0, 1)]
    counted = near.counters["tx_dropped"], far_end(near).counters["rx_dropped"]
    assert (*counted, switch.eth0.counters["rx_dropped"]) == (0, 0, 0)


@pytest.mark.semantics("M-08")
def test_a_program_belongs_to_an_entry_and_not_to_its_device(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_drop")
    switch.put(5, switch.eth1)
    switch.maps["forward_map"].update(7, (switch.eth1, switch.programs["entry_pass"]))
    switch.eth0.receive(frame(slot(5)), frame(redirect(switch.eth1.ifindex)), frame(slot(0)))
    assert switch.sent() == [0, 2, 0, 0]


@pytest.mark.semantics("M-01", "F-01")
def test_a_program_that_knows_fragments_lets_them_out(wide: Wide) -> None:
    long = frame(slot(0), length=8000)
    wide.ports.update(0, (wide.target, wide.programs["entry_pass"]))
    wide.far.receive(long)
    assert wide.sink.received == [long]
