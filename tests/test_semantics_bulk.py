# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The bulk queue of a device: when it is emptied, in which order, and whose program runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Device, Lab
from spec.trace import DevmapXmit, ExceptionRaised, Redirect
from spec.uapi import BPF_F_BROADCAST
from tests.redirect_programs import SOURCE, cpu, frame, key, marks, redirect, slot
from tests.switch import Switch, bulks, far_end

ALL = BPF_F_BROADCAST
EMPTY = 30


def sizes(events: list[DevmapXmit]) -> list[tuple[int, int]]:
    """Frames sent and dropped by each hand-over."""
    return [(event.sent, event.drops) for event in events]


def names(switch: Switch, events: list[DevmapXmit]) -> list[str]:
    """The devices of hand-overs."""
    return [switch.lab.device_name(event.to_ifindex) for event in events]


@pytest.mark.semantics("Q-01", "Q-07")
@pytest.mark.parametrize("count", [1, 15, 16, 17, 32, 33, 48])
def test_a_queue_of_16_is_handed_over_when_the_17th_frame_comes(switch: Switch, count: int) -> None:
    events = bulks(switch.burst(frame(slot(0)), count))
    whole = (count - 1) // 16
    assert sizes(events) == [(16, 0)] * whole + [(count - 16 * whole, 0)]
    assert len(switch.eth1.sent) == count


@pytest.mark.semantics("Q-01")
def test_the_early_hand_over_comes_before_the_17th_frame_is_accepted(switch: Switch) -> None:
    events = switch.burst(frame(slot(0)), 17)
    kinds = [type(event) for event in events]
    assert kinds == [Redirect] * 16 + [DevmapXmit, Redirect, DevmapXmit]


@pytest.mark.semantics("Q-01")
def test_a_device_has_one_queue_whatever_leads_to_it(switch: Switch) -> None:
    switch.maps["forward_map"].update(4, switch.eth1)
    asked = frame(slot(0), key(4), redirect(switch.eth1.ifindex), slot(30, ALL))
    for number in (1, 2):
        switch.ports.delete(number)
    assert sizes(bulks(switch.burst(asked, 20))) == [(16, 0), (4, 0)]


@pytest.mark.semantics("Q-02")
def test_queues_are_flushed_in_reverse_order_of_their_first_frames(switch: Switch) -> None:
    asked = frame(slot(1), slot(0), slot(2), slot(1))
    events = bulks(switch.burst(asked, 4))
    assert names(switch, events) == ["eth3", "eth1", "eth2"]
    assert sizes(events) == [(1, 0), (1, 0), (2, 0)]


@pytest.mark.semantics("Q-02", "Q-03")
def test_an_early_hand_over_does_not_change_that_order(switch: Switch) -> None:
    asked = frame(slot(0), slot(1), *[slot(0)] * 16)
    assert names(switch, bulks(switch.burst(asked, 18))) == ["eth1", "eth2", "eth1"]


@pytest.mark.semantics("Q-02")
def test_devices_are_flushed_before_cpus(switch: Switch) -> None:
    switch.maps["cpu_map"].update(1, 192)
    events = switch.burst(frame(cpu(1), slot(0)), 2)
    flushed = [event.name for event in events if not isinstance(event, Redirect)]
    assert flushed[:2] == ["xdp_devmap_xmit", "xdp_cpumap_enqueue"]


@pytest.mark.semantics("Q-03", "K-06")
def test_frames_of_several_devices_are_handed_over_as_those_of_the_first(
    lab: Lab, switch: Switch, compile_bpf: Callable[..., Path]
) -> None:
    # Two veths polled in one round fill the queue of this CPU, whose thread runs afterwards.
    other = lab.load(compile_bpf(SOURCE, "redirect_programs"))
    for number in (1, 2):
        near = lab.veth(f"near{number}", f"far{number}")
        switch.put(number - 1, near)
        far_end(near).attach(other.programs["to_cpu_0"])
    switch.ports.delete(2)
    other.maps["cpu_map"].update(0, (192, other.programs["cpu_follows"]))
    other.maps["tx_port"].update(5, (switch.eth3, other.programs["entry_marks"]))
    events = bulks(switch.eth0.receive(frame(slot(EMPTY, ALL), slot(5), slot(5))))
    first = next(number for number, device in lab.devices().items() if device.name == "far2")
    assert (events[-1].from_ifindex, events[-1].sent) == (first, 2)
    assert [marks(sent).ingress_ifindex for sent in switch.eth3.sent] == [first] * 2


@pytest.mark.semantics("Q-03")
def test_the_program_outlives_an_early_hand_over(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_marks")
    switch.put(1, switch.eth1)
    switch.burst(frame(slot(0), *[slot(1)] * 19), 20)
    assert [marks(sent).runs for sent in switch.eth1.sent] == [1] * 20


@pytest.mark.semantics("Q-03")
def test_the_program_does_not_outlive_the_flush(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_marks")
    switch.put(1, switch.eth1)
    switch.burst(frame(slot(0), slot(1)), 2, batch_size=1)
    assert [marks(sent).runs for sent in switch.eth1.sent] == [1, 0]


@pytest.mark.semantics("Q-04", "M-08")
@pytest.mark.parametrize(
    ("first", "egress"),
    [("marks", [1, 1, 1, 1]), ("passes", [0, 0, 0, 0]), ("none", [0] * 4), ("no map", [0] * 4)],
)
def test_the_first_frame_of_a_round_decides_which_program_runs(
    switch: Switch, first: str, egress: list[int]
) -> None:
    ways = {
        "marks": slot(0),
        "passes": slot(1),
        "none": slot(2),
        "no map": redirect(switch.eth1.ifindex),
    }
    switch.put(0, switch.eth1, "entry_marks")
    switch.put(1, switch.eth1, "entry_pass")
    switch.put(2, switch.eth1)
    turns = [ways.pop(first), *ways.values()]
    switch.burst(frame(*turns), 4)
    assert [marks(sent).runs for sent in switch.eth1.sent] == egress


@pytest.mark.semantics("Q-04")
@pytest.mark.parametrize(("slots", "runs"), [((0, 1), [1, 1]), ((1, 0), [0, 0])])
def test_the_first_of_two_slots_decides_in_a_broadcast_too(
    switch: Switch, slots: tuple[int, int], runs: list[int]
) -> None:
    switch.ports.delete(2)
    switch.put(slots[0], switch.eth1, "entry_marks")
    switch.put(slots[1], switch.eth1)
    switch.eth0.receive(frame(slot(EMPTY, ALL)))
    assert [marks(sent).runs for sent in switch.eth1.sent] == runs


@pytest.mark.semantics("Q-05")
def test_the_program_runs_at_the_flush(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_aborted")
    kinds = [type(event) for event in switch.burst(frame(slot(0)), 3)]
    assert kinds == [Redirect] * 3 + [ExceptionRaised] * 3 + [DevmapXmit]


@pytest.mark.semantics("Q-05")
def test_the_program_runs_when_the_queue_is_full(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_aborted")
    kinds = [type(event) for event in switch.burst(frame(slot(0)), 17)]
    full = [Redirect] * 16 + [ExceptionRaised] * 16 + [DevmapXmit]
    assert kinds == [*full, Redirect, ExceptionRaised, DevmapXmit]


@pytest.mark.semantics("Q-06", "M-07")
def test_frames_that_the_program_passes_keep_their_order(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_every_other")
    events = bulks(switch.burst(frame(slot(0)), 7))
    assert [marks(sent).runs for sent in switch.eth1.sent] == [0, 2, 4, 6]
    assert [(event.sent, event.drops, event.err) for event in events] == [(4, 3, 0)]


@pytest.mark.semantics("Q-06", "M-07")
def test_the_driver_is_not_asked_if_the_program_drops_everything(lab: Lab, switch: Switch) -> None:
    near = lab.veth("near", "far")
    far_end(near).attach(switch.programs["pass"])
    far_end(near).down()
    switch.put(0, near, "entry_drop")
    (event,) = bulks(switch.burst(frame(slot(0)), 3))
    assert (event.sent, event.drops, event.err) == (0, 3, 0), "the driver would say ENXIO"
    assert near.counters["tx_dropped"] == 0


@pytest.mark.semantics("Q-06", "W-03")
def test_an_error_of_the_driver_is_the_loss_of_all_frames(lab: Lab, switch: Switch) -> None:
    near = lab.veth("near", "far")
    far_end(near).attach(switch.programs["pass"])
    far_end(near).down()
    switch.put(0, near, "entry_every_other")
    (event,) = bulks(switch.burst(frame(slot(0)), 5))
    assert (event.sent, event.drops, event.err) == (0, 5, -6)
    assert near.counters["tx_dropped"] == 3, "the driver never saw what the program dropped"


@pytest.mark.semantics("Q-06", "W-04")
def test_a_frame_that_the_driver_cannot_take_is_the_end_of_its_bulk(
    lab: Lab, switch: Switch
) -> None:
    near = lab.veth("near", "far")
    far = far_end(near)
    far.attach(switch.programs["marks_itself"])
    far.mtu = 1000
    switch.put(0, near, "entry_lengthens_third")
    (event,) = bulks(switch.burst(frame(slot(0), length=1018), 5))
    assert (event.sent, event.drops, event.err) == (2, 3, 0)
    assert len(far.received) == 2


def far_end_behind(lab: Lab, switch: Switch, entry: str, receiver: str) -> Device:
    """The end, which runs *receiver*, behind a veth in slot 0 with the program *entry*."""
    near = lab.veth("near", "far")
    far_end(near).attach(switch.programs[receiver])
    switch.put(0, near, entry)
    return far_end(near)


@pytest.mark.semantics("Q-08")
def test_frames_handed_over_early_wait_if_the_last_flush_drops_everything(
    lab: Lab, switch: Switch
) -> None:
    far_end_behind(lab, switch, "entry_all_but_17th", "aborts")
    # One frame of a second round wakes the receiver, who finds 16 more in its ring.
    events = switch.burst(frame(slot(0)), 18, batch_size=17)
    kinds = [type(event) for event in events]
    first_round = [Redirect] * 16 + [DevmapXmit, Redirect, DevmapXmit]
    assert kinds == [*first_round, Redirect, DevmapXmit] + [ExceptionRaised] * 17
    assert sizes(bulks(events)) == [(16, 0), (0, 1), (1, 0)]


@pytest.mark.semantics("Q-08")
def test_frames_that_wait_in_the_ring_come_with_an_ordinary_packet(
    lab: Lab, switch: Switch
) -> None:
    far = far_end_behind(lab, switch, "entry_all_but_17th", "pass")
    assert sizes(bulks(switch.burst(frame(slot(0)), 17))) == [(16, 0), (0, 1)]
    assert far.received == []
    switch.eth0.receive(frame(slot(1)))
    assert far.received == []
    far.receive(frame(slot(0), length=100), frame(slot(0), length=200))
    assert [len(received) for received in far.received] == [60] * 16 + [100, 200]


@pytest.mark.semantics("Q-08")
def test_frames_that_wait_in_the_ring_are_lost_if_its_device_goes_down(
    lab: Lab, switch: Switch
) -> None:
    far = far_end_behind(lab, switch, "entry_all_but_17th", "pass")
    switch.burst(frame(slot(0)), 17)
    far.down()
    far.up()
    far.receive(frame(slot(0)))
    assert len(far.received) == 1


@pytest.mark.semantics("Q-08")
def test_frames_handed_over_early_do_not_wait_otherwise(lab: Lab, switch: Switch) -> None:
    far_end_behind(lab, switch, "entry_pass", "aborts")
    kinds = [type(event) for event in switch.burst(frame(slot(0)), 18, batch_size=17)]
    first_round = [Redirect] * 16 + [DevmapXmit, Redirect, DevmapXmit] + [ExceptionRaised] * 17
    assert kinds == [*first_round, Redirect, DevmapXmit, ExceptionRaised]
