# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the redirect helpers answer, and how long the kernel remembers what they were asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Lab, LoadedObject
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
from tests.redirect_programs import SOURCE, Call, asks, cpu, frame, key, redirect, slot, socket
from tests.switch import Switch, errors, far_end, redirected, told

EMPTY, BEYOND = 30, 77
NO_DEVICE = 99
UNKNOWN = (4, 32, 1 << 31, 1 << 32, 1 << 63)


@pytest.fixture
def other_programs(lab: Lab, compile_bpf: Callable[..., Path]) -> LoadedObject:
    """The same programs and maps once more."""
    return lab.load(compile_bpf(SOURCE, "redirect_programs"))


# What they answer.


@pytest.mark.semantics("R-10")
@pytest.mark.parametrize("flags", [1, 2, 8, 1 << 63])
def test_bpf_redirect_knows_no_flags(switch: Switch, flags: int) -> None:
    assert switch.answer(frame(redirect(switch.eth1.ifindex, flags))) == XDP_ABORTED


@pytest.mark.semantics("R-10", "R-30")
def test_a_bpf_redirect_refused_for_its_flags_leaves_the_earlier_wish(switch: Switch) -> None:
    calls = slot(1), redirect(switch.eth1.ifindex, 1)
    switch.eth0.receive(frame(asks(*calls, verdict=XDP_REDIRECT)))
    assert switch.sent() == [0, 0, 1, 0]


@pytest.mark.semantics("R-11")
def test_bpf_redirect_does_not_ask_whether_there_is_such_a_device(switch: Switch) -> None:
    assert switch.answer(frame(redirect(NO_DEVICE))) == XDP_REDIRECT
    assert switch.answer(frame(redirect(0))) == XDP_REDIRECT


@pytest.mark.semantics("R-11", "T-01")
def test_bpf_redirect_takes_the_low_half_of_what_it_is_given(switch: Switch) -> None:
    (event,) = redirected(switch.eth0.receive(frame(redirect(1 << 32 | switch.eth2.ifindex))))
    assert (event.to_ifindex, event.map_id, event.map_index) == (
        switch.eth2.ifindex,
        NO_MAP_ID,
        0,
    )
    assert switch.sent() == [0, 0, 1, 0]


@pytest.mark.semantics("R-20")
@pytest.mark.parametrize("flags", UNKNOWN)
@pytest.mark.parametrize("ask", [slot, key, cpu, socket])
def test_unknown_flags_answer_aborted(
    switch: Switch, ask: Callable[[int, int], Call], flags: int
) -> None:
    assert switch.answer(frame(ask(0, flags))) == XDP_ABORTED
    for known in (XDP_PASS, BPF_F_BROADCAST):
        assert switch.answer(frame(ask(0, flags | known))) == XDP_ABORTED


@pytest.mark.semantics("R-20")
@pytest.mark.parametrize("flags", [BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS])
def test_only_maps_of_devices_know_broadcast(switch: Switch, flags: int) -> None:
    answers = [switch.answer(frame(ask(0, flags | XDP_PASS))) for ask in (slot, key, cpu, socket)]
    of_hash = XDP_REDIRECT if flags == BPF_F_BROADCAST else XDP_PASS
    assert answers == [XDP_REDIRECT, of_hash, XDP_ABORTED, XDP_ABORTED]


@pytest.mark.semantics("R-20", "R-30")
def test_a_call_refused_for_its_flags_leaves_the_earlier_wish(switch: Switch) -> None:
    switch.eth0.receive(frame(asks(slot(2), slot(0, 4), verdict=XDP_REDIRECT)))
    assert switch.sent() == [0, 0, 0, 1]


@pytest.mark.semantics("R-22")
@pytest.mark.parametrize("missing", [EMPTY, BEYOND])
@pytest.mark.parametrize("ask", [slot, key, cpu, socket])
def test_a_miss_answers_the_lowest_two_flag_bits(
    switch: Switch, ask: Callable[[int, int], Call], missing: int
) -> None:
    answers = [switch.answer(frame(ask(missing, flags))) for flags in range(4)]
    assert answers == [XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX]


@pytest.mark.semantics("R-23")
def test_a_hit_answers_redirect_whatever_a_miss_would_have(switch: Switch) -> None:
    assert [switch.answer(frame(slot(0, flags))) for flags in range(4)] == [XDP_REDIRECT] * 4


@pytest.mark.semantics("R-21", "R-23")
def test_only_the_low_half_of_a_key_counts(switch: Switch) -> None:
    high = 1 << 32
    assert switch.answer(frame(slot(high | 1, XDP_DROP))) == XDP_REDIRECT
    assert switch.answer(frame(slot(high | EMPTY, XDP_DROP))) == XDP_DROP
    (event,) = redirected(switch.eth0.receive(frame(slot(high | 1))))
    assert (event.to_ifindex, event.map_index) == (switch.eth2.ifindex, 1)


@pytest.mark.semantics("R-24")
def test_a_broadcast_never_misses(switch: Switch) -> None:
    for asked in (slot(EMPTY, BPF_F_BROADCAST), slot(BEYOND, BPF_F_BROADCAST | XDP_PASS)):
        assert switch.answer(frame(asked)) == XDP_REDIRECT
    assert switch.answer(frame(key(0, BPF_F_BROADCAST | XDP_PASS))) == XDP_REDIRECT


@pytest.mark.semantics("R-25")
def test_leaving_out_the_ingress_device_means_nothing_without_broadcast(switch: Switch) -> None:
    switch.ports.update(0, switch.eth0)
    switch.eth0.receive(frame(slot(0, BPF_F_EXCLUDE_INGRESS)))
    assert switch.sent() == [1, 0, 0, 0]
    assert switch.answer(frame(slot(EMPTY, BPF_F_EXCLUDE_INGRESS | XDP_PASS))) == XDP_PASS


# What is remembered.


@pytest.mark.semantics("R-30")
def test_the_last_call_counts(switch: Switch) -> None:
    ifindex = switch.eth3.ifindex
    switch.eth0.receive(frame(asks(redirect(ifindex), slot(0))))
    assert switch.sent() == [0, 1, 0, 0]
    switch.eth0.receive(frame(asks(slot(0), redirect(ifindex))))
    assert switch.sent() == [0, 0, 0, 1]
    switch.eth0.receive(frame(asks(slot(0, BPF_F_BROADCAST), slot(1))))
    assert switch.sent() == [0, 0, 1, 0]


@pytest.mark.semantics("R-31", "R-22")
def test_redirecting_after_a_miss_goes_to_the_ifindex_of_an_earlier_call(switch: Switch) -> None:
    calls = redirect(switch.eth2.ifindex), slot(EMPTY)
    events = switch.eth0.receive(frame(asks(*calls, verdict=XDP_REDIRECT)))
    assert told(events)[0] == "xdp_redirect eth0 -> eth2 no map"
    assert switch.sent() == [0, 0, 1, 0]


@pytest.mark.semantics("R-31")
def test_redirecting_after_a_miss_takes_an_earlier_key_for_an_ifindex(switch: Switch) -> None:
    number = switch.eth3.ifindex
    switch.maps["forward_map"].update(number, switch.eth1)
    switch.eth0.receive(frame(asks(key(number), slot(EMPTY), verdict=XDP_REDIRECT)))
    assert switch.sent() == [0, 0, 0, 1]


@pytest.mark.semantics("R-31")
def test_redirecting_after_a_miss_without_an_earlier_call_is_einval(switch: Switch) -> None:
    events = switch.eth0.receive(frame(asks(slot(EMPTY), verdict=XDP_REDIRECT)))
    assert told(events) == ["xdp_redirect_err eth0 -> 0 no map err EINVAL"]


@pytest.mark.semantics("R-32")
def test_redirecting_without_a_call_is_ebadrqc(switch: Switch) -> None:
    (event,) = redirected(switch.eth0.receive(frame(asks(verdict=XDP_REDIRECT))))
    assert (event.err, event.to_ifindex, event.map_id, event.map_index) == (-56, 0, 0, 0)
    assert switch.eth0.counters["rx_dropped"] == 1


@pytest.mark.semantics("R-32", "R-34")
def test_a_wish_is_used_up_by_the_frame_that_it_was_for(switch: Switch) -> None:
    events = switch.burst(frame(slot(1), asks(verdict=XDP_REDIRECT)), 2)
    first, second = redirected(events)
    assert (first.err, first.map_index) == (0, 1)
    assert (second.err, second.to_ifindex, second.map_id) == (-56, 0, 0)
    assert second.map_index == 1, "the index stays behind"


@pytest.mark.semantics("R-34")
def test_a_wish_that_failed_is_used_up_too(switch: Switch) -> None:
    switch.eth2.down()
    events = switch.burst(frame(slot(1), asks(verdict=XDP_REDIRECT)), 2)
    assert errors(events) == ["ENETDOWN", "EBADRQC"]


@pytest.mark.semantics("R-33", "R-01")
def test_a_wish_not_followed_waits_for_the_next_frame_of_the_round(switch: Switch) -> None:
    asked = frame(asks(slot(1), verdict=XDP_DROP), asks(verdict=XDP_REDIRECT))
    assert errors(switch.burst(asked, 2)) == [""]
    assert switch.sent() == [0, 0, 1, 0]


@pytest.mark.semantics("R-33")
def test_a_broadcast_not_followed_waits_too(switch: Switch) -> None:
    calls = slot(EMPTY, BPF_F_BROADCAST)
    asked = frame(asks(calls, verdict=XDP_PASS), asks(verdict=XDP_REDIRECT))
    switch.burst(asked, 2)
    assert switch.sent() == [0, 1, 1, 1]


@pytest.mark.semantics("R-01")
def test_a_wish_does_not_outlive_its_round(switch: Switch) -> None:
    asked = frame(asks(slot(1), verdict=XDP_DROP), asks(verdict=XDP_REDIRECT))
    assert errors(switch.burst(asked, 2, batch_size=1)) == ["EBADRQC"]
    assert errors(switch.eth0.receive(asked, asked)) == ["EBADRQC"]


@pytest.mark.semantics("R-01")
def test_an_index_does_not_outlive_its_round_either(switch: Switch) -> None:
    asked = frame(slot(2), asks(verdict=XDP_REDIRECT))
    _, second = redirected(switch.eth0.receive(asked, asked))
    assert (second.err, second.map_index) == (-56, 0)


@pytest.mark.semantics("R-01")
def test_devices_polled_in_one_round_share_what_is_remembered(
    lab: Lab, switch: Switch, other_programs: LoadedObject
) -> None:
    near1, near2 = lab.veth("near1", "far1"), lab.veth("near2", "far2")
    switch.put(0, near1)
    switch.put(1, near2)
    switch.ports.delete(2)
    other_programs.maps["tx_port"].update(0, switch.eth3)
    for near in (near1, near2):
        far_end(near).attach(other_programs.programs["follows"])
    others = asks(slot(0), verdict=XDP_DROP), asks(verdict=XDP_REDIRECT)
    # The copies are for the second and the third turn, in the order of polling.
    other_programs.programs["follows"].test_run(frame(asks(), asks(), asks()))
    events = switch.eth0.receive(frame(slot(EMPTY, BPF_F_BROADCAST), *others))
    last = redirected(events)[-1]
    assert last.ifindex == far_end(near1).ifindex, "the queue used first is flushed last"
    assert (last.err, last.to_ifindex) == (0, switch.eth3.ifindex)


@pytest.mark.semantics("R-35")
def test_what_the_program_of_an_entry_asks_for_is_remembered(switch: Switch) -> None:
    switch.put(0, switch.eth1, "entry_asks")
    switch.ports.update(39, switch.eth3)
    asked = frame(*[slot(0)] * 17, asks(verdict=XDP_REDIRECT))
    events = switch.burst(asked, 18)
    # The program runs when the 17th frame needs room: that frame's event shows the new wish,
    # and the 18th frame, which asks for nothing, follows it.
    *_, seventeenth, eighteenth = redirected(events)
    assert (seventeenth.to_ifindex, seventeenth.map_index) == (
        switch.eth1.ifindex,
        switch.eth3.ifindex & 0xFFFFFFFF,
    )
    assert (eighteenth.err, eighteenth.to_ifindex) == (0, switch.eth3.ifindex)
    assert switch.sent() == [0, 17, 0, 1]


@pytest.mark.semantics("R-35")
def test_what_the_program_of_a_cpu_asks_for_is_remembered_there(switch: Switch) -> None:
    switch.maps["cpu_map"].update(1, (192, switch.programs["cpu_follows"]))
    asked = frame(asks(slot(1), verdict=XDP_DROP), asks(verdict=XDP_REDIRECT))
    switch.programs["to_cpu_1"].test_run(asked, switch.eth0, repeat=2, live=True)
    assert switch.sent() == [0, 0, 1, 0]


@pytest.mark.semantics("R-36")
def test_the_device_is_looked_up_in_the_namespace_of_the_receiving_device(
    lab: Lab, switch: Switch
) -> None:
    elsewhere = lab.namespace()
    switch.eth0.move(elsewhere)
    switch.eth0.up()
    to_neighbour = frame(redirect(switch.eth1.ifindex))
    assert errors(switch.eth0.receive(to_neighbour)) == ["EINVAL"]
    switch.eth1.move(elsewhere)
    switch.eth1.up()
    assert errors(switch.eth0.receive(to_neighbour)) == [""]
    assert switch.sent() == [0, 1, 0, 0]


@pytest.mark.semantics("R-36")
def test_the_device_is_looked_up_after_the_program_has_run(switch: Switch) -> None:
    assert switch.answer(frame(redirect(NO_DEVICE))) == XDP_REDIRECT
    assert errors(switch.eth0.receive(frame(redirect(NO_DEVICE)))) == ["EINVAL"]
