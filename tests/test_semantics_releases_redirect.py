# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How redirection was different in other releases; the kernel here is not one of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from spec import ModelLab
from spec.trace import ExceptionRaised
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
from tests.bpf_pieces import INCLUDES, program
from tests.redirect_programs import MARK, PLAIN_SOURCE, asks, frame, marks, redirect, slot
from tests.refusal import refusal
from tests.switch import OpenRelease, bulks, errors, far_end, redirected
from tests.wide import Wide

ALL, ALL_OTHERS = BPF_F_BROADCAST, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS
EMPTY = 30

# The redirect state.


@pytest.mark.semantics("R-02")
@pytest.mark.parametrize(("text", "error"), [("5.14", ""), ("6.10", ""), ("6.11", "EBADRQC")])
def test_a_wish_outlived_its_round_until_6_10(release: OpenRelease, text: str, error: str) -> None:
    switch = release(text)
    switch.eth0.receive(frame(asks(slot(1), verdict=XDP_DROP)))
    assert errors(switch.eth0.receive(frame(asks(verdict=XDP_REDIRECT)))) == [error]


@pytest.mark.parametrize("text", ["5.15", "6.1", "6.6"])
def test_older_lines_were_taught_to_forget_a_wish(release: OpenRelease, text: str) -> None:
    switch = release(text)
    switch.eth0.receive(frame(asks(slot(1), verdict=XDP_DROP)))
    events = switch.eth0.receive(frame(asks(verdict=XDP_REDIRECT)))
    assert [(event.map_id, event.to_ifindex) for event in redirected(events)] == [(0, 0)]
    assert errors(events) == ["EBADRQC"]


def test_5_10_was_taught_to_forget_the_map_alone_so_that_its_key_became_an_ifindex(
    release: OpenRelease,
) -> None:
    switch = release("5.10")
    switch.eth0.receive(frame(asks(slot(1), verdict=XDP_DROP)))
    events = switch.eth0.receive(frame(asks(verdict=XDP_REDIRECT)))
    assert [event.to_ifindex for event in redirected(events)] == [switch.lab.lo.ifindex]
    assert errors(events) == ["EOPNOTSUPP"]


@pytest.mark.parametrize(("text", "counted"), [("5.10", 0), ("6.1", 1), ("6.5", 0), ("6.8", 1)])
def test_taps_count_what_their_programs_redirect_since_6_8(
    release: OpenRelease, text: str, counted: int
) -> None:
    switch = release(text)
    switch.eth0.receive(frame(asks(slot(1))))
    [target] = [device for device in (switch.eth1, switch.eth2) if device.sent]
    target.down()
    switch.eth0.receive(frame(asks(slot(1))))
    counters = switch.eth0.counters
    assert (counters["rx_packets"], counters["rx_dropped"]) == (counted, counted)


@pytest.mark.parametrize(("text", "dropped"), [("5.17", 0), ("5.18", 1), ("5.19", 1)])
def test_nothing_counted_what_a_stopped_device_did_not_take_until_5_17(
    release: OpenRelease, text: str, dropped: int
) -> None:
    switch = release(text)
    switch.eth1.attach(switch.programs["follows"])
    switch.eth1.down()
    [event] = switch.eth1.receive(frame(asks(verdict=XDP_TX), length=3520))
    assert isinstance(event, ExceptionRaised)
    assert switch.eth1.counters["tx_dropped"] == dropped


@pytest.mark.parametrize(("text", "sent"), [("5.14", 1), ("5.15", 0)])
def test_a_packet_too_long_for_a_tap_met_no_program_of_an_entry_until_5_14(
    release: OpenRelease, text: str, sent: int
) -> None:
    switch = release(text)
    switch.eth1.mtu = switch.eth0.mtu = 9000
    switch.put(0, switch.eth1, "entry_aborted")
    switch.eth0.receive(frame(slot(0), length=4096))
    assert len(switch.eth1.sent) == sent


def test_a_native_program_of_a_veth_writes_to_no_copy_but_its_own(release: OpenRelease) -> None:
    switch = release("6.0", "generic")
    near = switch.lab.veth("target", "sink")
    switch.put(2, near)
    far_end(near).attach(switch.programs["follows"])
    sent = frame(slot(0, ALL), asks(MARK, verdict=XDP_PASS))
    switch.eth0.receive(sent)
    assert marks(far_end(near).received[0]).runs == 1
    assert [marks(sent).runs for sent in (*switch.eth1.sent, *switch.eth2.sent)] == [0, 0]


def test_a_generic_program_writes_to_no_copy_but_its_own(release: OpenRelease) -> None:
    switch = release("6.17", "generic")
    near = switch.veth_in_slot_0()
    far_end(near).attach(switch.programs["follows"], "generic")
    sent = frame(slot(0, ALL), asks(MARK, verdict=XDP_PASS))
    switch.eth0.receive(sent)
    assert marks(far_end(near).received[0]).runs == 1
    assert [marks(sent).runs for sent in (*switch.eth2.sent, *switch.eth3.sent)] == [0, 0]


@pytest.mark.parametrize(("text", "most"), [("6.5", 3460), ("6.6", 4)])
def test_each_packet_that_a_veth_copied_had_a_page_of_its_own_until_6_5(
    compile_bpf: Callable[..., Path], text: str, most: int
) -> None:
    beyond, within = (f"!bpf_xdp_adjust_tail(ctx, {size})" for size in (most + 1, most))
    grows = program(f"return {beyond} ? XDP_ABORTED : {within} ? XDP_PASS : XDP_DROP;")
    with ModelLab(text) as lab:
        far = far_end(lab.veth("near", "far"))
        far.attach(lab.load(compile_bpf(INCLUDES + grows, "grows")).programs["asked"])
        far.receive(bytes(60))
        assert [len(received) for received in far.received] == [60 + most]


@pytest.mark.parametrize(
    ("text", "length"), [("5.10", 3800), ("5.15", 3780), ("6.3", 3800), ("6.4", 3780)]
)
def test_a_packet_in_more_than_a_page_kept_its_length_until_6_4(
    compile_bpf: Callable[..., Path], text: str, length: int
) -> None:
    shrinks = program("bpf_xdp_adjust_tail(ctx, -20); return XDP_PASS;")
    with ModelLab(text) as lab:
        eth0 = lab.tap("eth0")
        eth0.attach(lab.load(compile_bpf(INCLUDES + shrinks, "shrinks")).programs["asked"])
        eth0.receive(bytes(3800))
        assert [len(received) for received in eth0.received] == [length]


@pytest.mark.parametrize(
    ("text", "head", "length", "grows"),
    [
        ("6.2", 640, 60, True),  # a power of two, whatever small heads are later
        ("6.3", 576, 60, True),
        ("6.3", 640, 60, False),
        ("6.2", 576, 200, True),  # sent by a socket: two powers of two
        ("6.3", 576, 200, False),
    ],
)
def test_how_far_small_packets_grow_depends_on_what_a_kernel_was_built_with_since_6_3(
    compile_bpf: Callable[..., Path], text: str, head: int, length: int, grows: bool
) -> None:
    grown = program("return bpf_xdp_adjust_tail(ctx, 300) ? XDP_DROP : XDP_PASS;")
    with ModelLab(text, small_head=head) as lab:
        device = lab.tap("eth0") if length == 60 else far_end(lab.veth("near", "far"))
        device.attach(lab.load(compile_bpf(INCLUDES + grown, "grown")).programs["asked"], "generic")
        device.receive(bytes(length))
        assert [len(frame) for frame in device.received] == [length + 300] * grows


def test_nobody_could_be_asked_for_features_until_6_2() -> None:
    with ModelLab("6.2") as lab:
        assert refusal(lambda: lab.tap("eth0").xdp_features) == "ENOENT"
    with ModelLab("6.3") as lab:
        assert "ndo-xmit" in lab.tap("eth0").xdp_features


@pytest.mark.semantics("R-26")
@pytest.mark.parametrize("flags", [ALL, ALL | XDP_PASS, BPF_F_EXCLUDE_INGRESS])
def test_flags_were_a_verdict_and_no_more_until_5_13(release: OpenRelease, flags: int) -> None:
    answers = [release(text).answer(frame(slot(0, flags))) for text in ("5.10", "5.13", "5.14")]
    assert answers == [XDP_ABORTED, XDP_ABORTED, XDP_REDIRECT]
    assert release("5.10").answer(frame(slot(EMPTY, XDP_PASS))) == XDP_PASS


@pytest.mark.semantics("R-32")
@pytest.mark.parametrize(("text", "error"), [("5.12", "EINVAL"), ("5.13", "EBADRQC")])
def test_asking_nothing_meant_ifindex_0_until_5_12(
    release: OpenRelease, text: str, error: str
) -> None:
    (event,) = redirected(release(text).eth0.receive(frame(asks(verdict=XDP_REDIRECT))))
    assert (errors([event]), event.to_ifindex, event.map_id) == ([error], 0, 0)


# Targets.


@pytest.mark.semantics("F-01", "W-02")
def test_every_veth_took_frames_and_lost_them_at_the_flush_until_6_2(release: OpenRelease) -> None:
    for text, error, flushed in (("6.2", "", [(0, 1, -6)]), ("6.3", "EOPNOTSUPP", [])):
        switch = release(text)
        switch.veth_in_slot_0()
        events = switch.eth0.receive(frame(slot(0)))
        assert errors(events) == [error]
        assert [(bulk.sent, bulk.drops, bulk.err) for bulk in bulks(events)] == flushed


@pytest.mark.semantics("W-02")
@pytest.mark.parametrize(("text", "by_gro"), [("5.12", 0), ("5.13", 1), ("6.2", 1)])
def test_a_peer_that_polls_because_of_gro_came_in_5_13(
    release: OpenRelease, text: str, by_gro: int
) -> None:
    switch = release(text)
    far = far_end(switch.veth_in_slot_0())
    far.offload("gro", True)
    switch.eth0.receive(frame(slot(0)))
    assert len(far.received) == by_gro
    far.attach(switch.programs["pass"])
    switch.eth0.receive(frame(slot(0)))
    assert len(far.received) == 1


@pytest.mark.semantics("W-01")
@pytest.mark.parametrize(("text", "target"), [("6.6", False), ("6.12", True), ("7.2", True)])
def test_a_device_that_comes_up_with_gro_made_no_target_of_its_peer(
    release: OpenRelease, text: str, target: bool
) -> None:
    near = release(text).veth_in_slot_0()
    far = far_end(near)
    far.down()
    far.offload("gro", True)
    far.up()
    assert ("ndo-xmit" in near.xdp_features) == target
    far.down()
    far.offload("gro", False)
    far.up()
    assert "ndo-xmit" not in near.xdp_features


@pytest.mark.semantics("F-01")
def test_fragments_were_lost_without_an_event_until_6_2(
    wide_release: Callable[..., Wide],
) -> None:
    long = frame(slot(0), length=8000)
    for text, told, received in (("6.2", [], 0), ("6.3", [""], 1)):
        wide = wide_release(text)
        wide.ports.update(0, wide.target)
        assert errors(wide.far.receive(long)) == told
        assert len(wide.sink.received) == received
        wide.ports.update(0, wide.tap)
        assert errors(wide.far.receive(long)) == (["EOPNOTSUPP"] if told else [])


@pytest.mark.semantics("F-02", "M-07")
def test_the_program_of_an_entry_ran_before_the_checks_until_5_13(release: OpenRelease) -> None:
    for text, error in (("5.13", "EMSGSIZE"), ("5.14", "")):
        switch = release(text)
        switch.put(0, switch.eth1, "entry_lengthens")
        assert errors(switch.eth0.receive(frame(slot(0), length=1518))) == [error]


# Broadcast.


@pytest.mark.semantics("B-05", "G-06")
@pytest.mark.parametrize("mode", ["native", "generic"])
def test_fragments_were_copied_by_reference_in_older_releases(
    wide_release: Callable[..., Wide], mode: str
) -> None:
    for text, error, received in (("6.17", "", 2), ("6.18", "EOPNOTSUPP", 0)):
        wide = wide_release(text, mode)
        for number in range(2):
            wide.ports.update(number, wide.target)
        assert errors(wide.far.receive(frame(slot(EMPTY, ALL), length=8000))) == [error]
        assert len(wide.sink.received) == received


@pytest.mark.semantics("B-06")
@pytest.mark.parametrize(("text", "sent"), [("5.14", 1), ("5.15", 0)])
def test_upper_devices_are_left_out_since_5_15(
    labs: ExitStack, compile_bpf: Callable[..., Path], text: str, sent: int
) -> None:
    lab = labs.enter_context(ModelLab(text))
    loaded, eth0 = lab.load(compile_bpf(PLAIN_SOURCE, "redirect_plain")), lab.tap("eth0")
    loaded.maps["plain"].update(0, lab.macvlan("upper", eth0))
    eth0.attach(loaded.programs["to_all_others"], "generic")
    eth0.receive(frame(asks()))
    assert len(eth0.sent) == sent


@pytest.mark.semantics("B-06")
@pytest.mark.parametrize(
    ("text", "error"),
    [("6.17", ""), ("6.18", "EOVERFLOW"), ("7.2", "EOVERFLOW")],
)
def test_upper_devices_are_counted_in_newer_releases(
    release: OpenRelease, text: str, error: str
) -> None:
    switch = release(text)
    for number in range(9):
        switch.lab.macvlan(f"upper{number}", switch.eth0)
    assert errors(switch.eth0.receive(frame(slot(EMPTY, ALL_OTHERS)))) == [error]


# Generic XDP.


@pytest.mark.semantics("G-05")
@pytest.mark.parametrize(
    ("text", "runs"), [("5.15", 3), ("6.1", 1), ("6.6", 1), ("6.12", 1), ("6.17", 3), ("6.18", 1)]
)
def test_copies_of_a_generic_broadcast_shared_their_bytes_in_older_releases(
    release: OpenRelease, text: str, runs: int
) -> None:
    switch = release(text, "generic")
    for number, device in enumerate(switch.devices[1:]):
        switch.put(number, device, "entry_marks")
    switch.eth0.receive(frame(slot(EMPTY, ALL)))
    assert [marks(device.sent[0]).runs for device in switch.devices[1:]] == [runs] * 3


@pytest.mark.semantics("G-03", "G-07")
def test_generic_programs_could_not_use_maps_of_programs_until_5_14(release: OpenRelease) -> None:
    switch = release("5.14")
    switch.eth0.detach()
    assert refusal(switch.eth0.attach, switch.programs["follows"], "generic") == "EINVAL"
    assert errors(release("5.15", "generic").eth0.receive(frame(slot(0)))) == [""]


@pytest.mark.semantics("G-10")
def test_generic_programs_get_fragments_since_6_9(wide_release: Callable[..., Wide]) -> None:
    for text, in_one_piece in (("6.8", True), ("6.9", False)):
        wide = wide_release(text, "generic")
        wide.far.receive(frame(asks(MARK, verdict=XDP_PASS), length=8000))
        (received,) = wide.far.received
        assert (marks(received).linear == 8000) == in_one_piece


# Tracepoints.


@pytest.mark.semantics("T-02")
@pytest.mark.parametrize(("text", "there"), [("5.10", True), ("6.16", True), ("6.17", False)])
def test_tracepoints_that_never_fired_are_gone_since_6_17(
    release: OpenRelease, text: str, there: bool
) -> None:
    names = {"xdp_redirect_map", "xdp_redirect_map_err"}
    assert names & set(release(text).lab.tracepoints()) == (names if there else set())


@pytest.mark.semantics("T-03")
@pytest.mark.parametrize(("text", "map_id"), [("5.13", NO_MAP_ID), ("5.12", 0)])
def test_a_redirect_without_a_map_had_map_id_0_until_5_12(
    release: OpenRelease, text: str, map_id: int
) -> None:
    switch = release(text)
    (event,) = redirected(switch.eth0.receive(frame(redirect(switch.eth1.ifindex))))
    assert (event.to_ifindex, event.map_id, event.map_index) == (switch.eth1.ifindex, map_id, 0)


# Test runs.


@pytest.mark.semantics("E-01")
@pytest.mark.parametrize(("text", "size"), [("6.17", 0), ("6.18", 100)])
def test_the_context_ended_where_the_data_do_until_6_17(
    release: OpenRelease, text: str, size: int
) -> None:
    program = release(text).programs["follows"]
    long = frame(asks(MARK, verdict=XDP_PASS), length=300)
    if size:
        assert marks(program.test_run(long, context={"data_end": size}).data).linear == size
    else:
        assert refusal(program.test_run, long, context={"data_end": 100}) == "EINVAL"
    assert marks(program.test_run(long, context={"data_end": 300}).data).linear == 300


@pytest.mark.semantics("E-03")
def test_the_ingress_device_can_be_chosen_since_5_15(release: OpenRelease) -> None:
    for text in ("5.14", "5.15"):
        switch = release(text)
        asked = frame(asks(MARK, verdict=XDP_PASS))
        if text == "5.14":
            assert refusal(switch.programs["follows"].test_run, asked, switch.eth1) == "EINVAL"
        else:
            data = switch.programs["follows"].test_run(asked, switch.eth1).data
            assert marks(data).ingress_ifindex == switch.eth1.ifindex
