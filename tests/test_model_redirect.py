# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where a redirected frame goes and what is told about it; holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Device, Lab, LoadedObject
from spec.trace import DevmapXmit, Redirect, RedirectErr
from spec.uapi import (
    BPF_F_BROADCAST,
    BPF_F_EXCLUDE_INGRESS,
    NO_MAP_ID,
    XDP_ABORTED,
    XDP_DROP,
    XDP_PASS,
    XDP_REDIRECT,
    XDP_TX,
)
from tests.model_programs import SOURCE, wish

EMPTY_SLOT, BEYOND = 30, 77
ALL = BPF_F_BROADCAST
ALL_OTHERS = BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS


class Switch:
    """Four taps: frames arrive at ``eth0``, slots 0 to 2 of ``tx_port`` are the others."""

    def __init__(self, lab: Lab, loaded: LoadedObject) -> None:
        self.maps, self.programs = loaded.maps, loaded.programs
        self.eth0, *self.others = self.devices = [lab.tap(f"eth{number}") for number in range(4)]
        self.ports = self.maps["tx_port"]
        for slot, device in enumerate(self.others):
            self.ports.update(slot, device)

    def answer(self, **asked: int) -> object:
        """What the helpers answer."""
        return self.programs["by_slot"].test_run(wish(**asked)).retval

    def sent(self) -> list[int]:
        """How many frames each device sent."""
        return [len(device.sent) for device in self.devices]


@pytest.fixture
def switch(lab: Lab, compile_bpf: Callable[..., Path]) -> Switch:
    made = Switch(lab, lab.load(compile_bpf(SOURCE, "model_programs")))
    made.eth0.attach(made.programs["by_slot"])
    return made


@pytest.fixture
def generic(lab: Lab, compile_bpf: Callable[..., Path]) -> Switch:
    made = Switch(lab, lab.load(compile_bpf(SOURCE, "model_programs")))
    made.eth0.attach(made.programs["by_slot"], "generic")
    return made


# What the helpers answer.


def test_a_hit_answers_redirect_and_a_miss_the_lowest_two_flag_bits(switch: Switch) -> None:
    assert switch.answer(key=0) == XDP_REDIRECT
    answers = [switch.answer(key=EMPTY_SLOT, flags=flags) for flags in range(4)]
    assert answers == [XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX]
    assert switch.answer(key=BEYOND, flags=2) == XDP_PASS


def test_only_the_low_half_of_a_key_counts(switch: Switch) -> None:
    assert switch.answer(key=1 << 32 | 1, flags=1) == XDP_REDIRECT
    assert switch.answer(key=1 << 32 | EMPTY_SLOT, flags=1) == XDP_DROP


def test_a_broadcast_never_misses(switch: Switch) -> None:
    assert switch.answer(key=BEYOND, flags=ALL | 2) == XDP_REDIRECT
    assert switch.answer(key=EMPTY_SLOT, flags=BPF_F_EXCLUDE_INGRESS | 2) == XDP_PASS


def test_unknown_flags_answer_aborted(switch: Switch) -> None:
    for flags in (4, 32, 1 << 32, ALL | 1 << 63):
        assert switch.answer(key=0, flags=flags) == XDP_ABORTED
    assert switch.answer(calls=1, ifindex=1, ifindex_flags=1) == XDP_ABORTED


def test_a_cpumap_knows_no_broadcast(switch: Switch) -> None:
    answer = switch.programs["by_cpu"].test_run(wish(key=0, flags=ALL)).retval
    assert answer == XDP_ABORTED


def test_bpf_redirect_answers_redirect_for_a_device_that_does_not_exist(switch: Switch) -> None:
    assert switch.answer(calls=1, ifindex=99) == XDP_REDIRECT


# Who gets the frame.


def test_a_frame_leaves_through_the_device_in_the_slot(switch: Switch) -> None:
    frame = wish(key=1)
    events = switch.eth0.receive(frame)
    prog_id, to = switch.programs["by_slot"].id, switch.others[1].ifindex
    assert events == [
        Redirect(prog_id, 4, switch.eth0.ifindex, 0, to, switch.ports.id, 1),
        DevmapXmit(switch.eth0.ifindex, 4, to, 0, 1, 0),
    ]
    assert switch.others[1].sent == [frame]


def test_without_a_map_the_event_has_the_largest_map_id(switch: Switch) -> None:
    to = switch.others[2].ifindex
    event = switch.eth0.receive(wish(calls=1, ifindex=to))[0]
    assert (event.to_ifindex, event.map_id, event.map_index) == (to, NO_MAP_ID, 0)  # type: ignore[attr-defined]
    assert switch.sent() == [0, 0, 0, 1]


def test_the_last_helper_call_wins(switch: Switch) -> None:
    switch.eth0.receive(wish(key=0, calls=3, ifindex=switch.others[2].ifindex))
    assert switch.sent() == [0, 1, 0, 0]
    switch.eth0.receive(wish(key=0, calls=6, ifindex=switch.others[2].ifindex))
    assert switch.sent() == [0, 0, 0, 1]


def test_a_call_that_was_refused_for_its_flags_does_not_count(switch: Switch) -> None:
    asked = wish(key=0, calls=6, ifindex=99, ifindex_flags=1, verdict=XDP_REDIRECT)
    switch.eth0.receive(asked)
    assert switch.sent() == [0, 1, 0, 0]


def test_redirecting_after_a_miss_goes_where_an_earlier_call_wanted(switch: Switch) -> None:
    to = switch.others[1].ifindex
    switch.eth0.receive(wish(key=EMPTY_SLOT, calls=3, ifindex=to, verdict=XDP_REDIRECT))
    assert switch.sent() == [0, 0, 1, 0]


def test_redirecting_without_asking_any_helper_is_ebadrqc(switch: Switch) -> None:
    (event,) = switch.eth0.receive(wish(calls=0, verdict=XDP_REDIRECT))
    assert isinstance(event, RedirectErr)
    assert (event.err, event.to_ifindex, event.map_id, event.map_index) == (-56, 0, 0, 0)


def test_a_wish_does_not_outlive_its_round(switch: Switch) -> None:
    assert not switch.eth0.receive(wish(key=0, verdict=XDP_DROP))
    (event,) = switch.eth0.receive(wish(calls=0, verdict=XDP_REDIRECT))
    assert isinstance(event, RedirectErr)
    assert event.err == -56


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda device: device.down(), "ENETDOWN"),
        (lambda device: setattr(device, "mtu", 68), "EMSGSIZE"),
    ],
    ids=["down", "too long"],
)
def test_a_device_that_cannot_take_the_frame_is_an_error(
    switch: Switch, spoil: Callable[[Device], None], reason: str
) -> None:
    spoil(switch.others[0])
    events = switch.eth0.receive(wish(key=0, length=200))
    assert repr(events) == f"xdp_redirect_err  eth0 -> eth1  map tx_port[0]  err {reason}"
    assert switch.eth0.counters["rx_dropped"] == 1


def test_a_frame_may_be_four_bytes_longer_than_mtu_and_header(switch: Switch) -> None:
    switch.eth0.receive(wish(key=0, length=1518), wish(key=0, length=1519))
    assert [len(frame) for frame in switch.others[0].sent] == [1518]


def test_a_device_without_the_driver_operation_is_eopnotsupp(lab: Lab, switch: Switch) -> None:
    switch.ports.update(0, lab.lo)
    events = switch.eth0.receive(wish(key=0))
    assert repr(events) == "xdp_redirect_err  eth0 -> lo  map tx_port[0]  err EOPNOTSUPP"


def test_an_ifindex_that_no_device_has_is_einval(switch: Switch) -> None:
    events = switch.eth0.receive(wish(calls=1, ifindex=99))
    assert repr(events) == "xdp_redirect_err  eth0 -> 99  no map  err EINVAL"


def test_a_frame_may_go_back_where_it_came_from(switch: Switch) -> None:
    switch.ports.update(0, switch.eth0)
    switch.eth0.receive(wish(key=0))
    assert switch.sent() == [1, 0, 0, 0]


# Broadcast.


def test_a_broadcast_reaches_every_device_and_one_twice_that_is_there_twice(
    switch: Switch,
) -> None:
    switch.ports.update(7, switch.others[0])
    switch.ports.update(8, switch.eth0)
    switch.eth0.receive(wish(key=BEYOND, flags=ALL))
    assert switch.sent() == [1, 2, 1, 1]
    switch.eth0.receive(wish(key=BEYOND, flags=ALL_OTHERS))
    assert switch.sent() == [0, 2, 1, 1]


def test_a_broadcast_that_finds_nobody_succeeds(switch: Switch) -> None:
    for slot in range(3):
        switch.ports.delete(slot)
    assert repr(switch.eth0.receive(wish(flags=ALL))) == "xdp_redirect  eth0 -> 0  map tx_port[0]"


def test_the_event_of_a_broadcast_shows_what_its_key_would_have_found(switch: Switch) -> None:
    shown = [switch.eth0.receive(wish(key=key, flags=ALL))[0] for key in (2, BEYOND)]
    targets = [event.to_ifindex for event in shown if isinstance(event, Redirect)]
    assert targets == [switch.others[2].ifindex, 0]


def test_native_broadcast_skips_who_cannot_take_the_frame(lab: Lab, switch: Switch) -> None:
    switch.ports.update(3, lab.lo)
    switch.others[1].down()
    events = switch.eth0.receive(wish(flags=ALL))
    assert switch.sent() == [0, 1, 0, 1]
    assert not any(isinstance(event, RedirectErr) for event in events)


def test_generic_broadcast_stops_at_who_cannot_take_the_frame(generic: Switch) -> None:
    generic.others[1].down()
    events = generic.eth0.receive(wish(flags=ALL))
    assert generic.sent() == [0, 1, 0, 0]
    assert repr(events) == "xdp_redirect_err  eth0 -> eth1  map tx_port[0]  err ENETDOWN"


def test_upper_devices_of_the_ingress_are_left_out_too(lab: Lab, generic: Switch) -> None:
    upper = lab.macvlan("upper", generic.eth0)
    for slot in range(3):
        generic.ports.update(slot, upper)
    generic.eth0.receive(wish(flags=ALL_OTHERS))
    assert generic.sent() == [0, 0, 0, 0]
    generic.eth0.receive(wish(flags=ALL))
    assert generic.sent() == [3, 0, 0, 0]


def test_more_than_eight_upper_devices_are_too_many_to_leave_out(lab: Lab, switch: Switch) -> None:
    for number in range(9):
        lab.macvlan(f"upper{number}", switch.eth0)
    events = switch.eth0.receive(wish(flags=ALL_OTHERS))
    assert repr(events) == "xdp_redirect_err  eth0 -> eth1  map tx_port[0]  err EOVERFLOW"
    switch.eth0.receive(wish(flags=ALL))
    assert switch.sent() == [0, 1, 1, 1]


@pytest.mark.parametrize("mode", ["native", "generic"])
def test_every_copy_of_a_broadcast_has_its_own_bytes(switch: Switch, mode: str) -> None:
    switch.eth0.detach()
    switch.eth0.attach(switch.programs["by_slot"], mode)
    for slot, device in enumerate(switch.others):
        switch.ports.update(slot, (device, switch.programs["entry_marks"]))
    switch.eth0.receive(wish(flags=ALL))
    assert [[frame[58] for frame in device.sent] for device in switch.others] == [[1], [1], [1]]


# Bulk queues.


def burst(switch: Switch, count: int, **asked: int) -> list[tuple[int, int, int]]:
    """What the bulk queues did with *count* frames of one round: device, sent, drops."""
    result = switch.programs["by_slot"].test_run(
        wish(**asked), switch.eth0, repeat=count, live=True
    )
    emptied = [event for event in result.events if isinstance(event, DevmapXmit)]
    number = {device.ifindex: index for index, device in enumerate(switch.devices)}
    return [(number[event.to_ifindex], event.sent, event.drops) for event in emptied]


@pytest.mark.parametrize(
    ("count", "bulks"), [(1, [1]), (16, [16]), (17, [16, 1]), (32, [16, 16]), (33, [16, 16, 1])]
)
def test_the_17th_frame_sends_the_first_16_on_their_way(
    switch: Switch, count: int, bulks: list[int]
) -> None:
    assert burst(switch, count) == [(1, size, 0) for size in bulks]


def test_every_batch_of_live_frames_ends_with_a_flush(switch: Switch) -> None:
    assert [sent for _, sent, _ in burst(switch, 70)] == [16, 16, 16, 16, 6]


def test_the_flush_begins_with_the_device_that_was_used_last(switch: Switch) -> None:
    assert burst(switch, 2, flags=ALL) == [(3, 2, 0), (2, 2, 0), (1, 2, 0)]


def test_the_first_frame_of_a_round_decides_which_program_runs(switch: Switch) -> None:
    device, marks = switch.others[0], switch.programs["entry_marks"]
    switch.ports.update(0, (device, marks))
    switch.ports.update(1, device)
    switch.ports.delete(2)
    switch.eth0.receive(wish(flags=ALL))
    assert [frame[58] for frame in device.sent] == [1, 1]
    switch.ports.update(0, device)
    switch.ports.update(1, (device, marks))
    switch.eth0.receive(wish(flags=ALL))
    assert [frame[58] for frame in device.sent] == [0, 0]


def test_bpf_redirect_runs_no_program(switch: Switch) -> None:
    device = switch.others[0]
    switch.ports.update(0, (device, switch.programs["entry_drop"]))
    switch.eth0.receive(wish(calls=1, ifindex=device.ifindex))
    assert switch.sent() == [0, 1, 0, 0]


# The program at an entry.


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("entry_drop", ""),
        ("entry_aborted", "XDP_ABORTED"),
        ("entry_tx", "XDP_TX"),
        ("entry_redirect", "XDP_REDIRECT"),
    ],
)
def test_only_xdp_pass_lets_a_frame_out(switch: Switch, program: str, told: str) -> None:
    switch.ports.update(0, (switch.others[0], switch.programs[program]))
    lines = [" ".join(line.split()) for line in repr(switch.eth0.receive(wish())).splitlines()]
    assert lines[0] == "xdp_redirect eth0 -> eth1 map tx_port[0]"
    assert lines[-1] == "xdp_devmap_xmit eth0 -> eth1 sent 0 drops 1"
    assert lines[1:-1] == ([f"xdp_exception eth1 program {program} {told}"] if told else [])
    assert switch.sent() == [0, 0, 0, 0]


def test_the_program_sees_both_devices(switch: Switch) -> None:
    switch.ports.update(0, (switch.others[0], switch.programs["entry_marks"]))
    switch.eth0.receive(wish())
    (frame,) = switch.others[0].sent
    seen = int.from_bytes(frame[50:54], "little"), int.from_bytes(frame[54:58], "little")
    assert seen == (switch.eth0.ifindex, switch.others[0].ifindex)


def test_the_length_is_checked_before_the_program_runs(switch: Switch) -> None:
    switch.ports.update(0, (switch.others[0], switch.programs["entry_lengthens"]))
    switch.eth0.receive(wish(length=1518))
    assert [len(frame) for frame in switch.others[0].sent] == [1618]


def test_a_generic_redirect_to_a_program_that_drops_still_succeeds(generic: Switch) -> None:
    generic.ports.update(0, (generic.others[0], generic.programs["entry_tx"]))
    lines = [" ".join(line.split()) for line in repr(generic.eth0.receive(wish())).splitlines()]
    assert lines == [
        "xdp_exception eth1 program entry_tx XDP_TX",
        "xdp_redirect eth0 -> eth1 map tx_port[0]",
    ]
    assert generic.sent() == [0, 0, 0, 0]


def test_a_helper_call_in_an_entrys_program_shows_in_the_event(generic: Switch) -> None:
    generic.ports.update(0, (generic.others[0], generic.programs["entry_redirect"]))
    *_, event = generic.eth0.receive(wish(key=0))
    assert isinstance(event, Redirect)
    assert event.map_index == 1, "the index that the entry's program asked for, not the slot"


# Generic XDP.


def test_generic_redirection_sends_at_once_and_through_any_device(
    lab: Lab, generic: Switch
) -> None:
    frame = wish(key=0)
    generic.ports.update(0, lab.lo)
    assert repr(generic.eth0.receive(frame)) == "xdp_redirect  eth0 -> lo  map tx_port[0]"
    assert lab.lo.received == [frame]


def test_a_frame_too_long_for_a_page_takes_the_generic_path(switch: Switch) -> None:
    for device in switch.devices:
        device.mtu = 9000
    native, generic = switch.eth0.receive(wish(length=3456)), switch.eth0.receive(wish(length=3457))
    assert [len(native), len(generic)] == [2, 1]
    assert [len(frame) for frame in switch.others[0].sent] == [3457]


# A CPUMAP.


def test_a_frame_for_another_cpu_reaches_the_stack_there(switch: Switch) -> None:
    switch.eth0.attach(switch.programs["by_cpu"])
    switch.maps["cpu_map"].update(1, 192)
    frame = wish(key=1)
    switch.eth0.receive(frame)
    assert switch.eth0.received == [frame]


def test_the_second_program_may_drop_the_frame_or_redirect_it(switch: Switch) -> None:
    switch.eth0.attach(switch.programs["by_cpu"])
    cpus = switch.maps["cpu_map"]
    cpus.update(1, (192, switch.programs["cpu_drop"]))
    switch.eth0.receive(wish(key=1))
    assert switch.eth0.received == []
    cpus.delete(1)
    cpus.update(1, (192, switch.programs["cpu_on"]))
    switch.eth0.receive(wish(key=1))
    assert switch.sent() == [0, 0, 1, 0]
