# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Test runs with live frames: batches, verdicts, and what becomes of the frames' pages."""

from __future__ import annotations

import pytest

from spec.lab import Lab
from spec.uapi import (
    BPF_F_BROADCAST,
    BPF_F_TEST_XDP_LIVE_FRAMES,
    XDP_ABORTED,
    XDP_DROP,
    XDP_PASS,
    XDP_REDIRECT,
    XDP_TX,
)
from tests.redirect_programs import MARK, Turn, asks, cut, frame, marks, metadata, redirect, slot
from tests.refusal import refusal
from tests.switch import Switch, bulks, errors, far_end, redirected, told

NO_DEVICE = 99


@pytest.mark.semantics("E-20")
@pytest.mark.parametrize(
    ("count", "batch_size", "rounds"),
    [(0, 0, [1]), (1, 0, [1]), (6, 4, [4, 2]), (12, 12, [12]), (3, 1, [1, 1, 1])],
)
def test_live_frames_come_in_batches_and_each_ends_with_a_flush(
    switch: Switch, count: int, batch_size: int, rounds: list[int]
) -> None:
    events = switch.burst(frame(slot(0)), count, batch_size=batch_size)
    assert [bulk.sent for bulk in bulks(events)] == rounds


@pytest.mark.semantics("E-20")
def test_a_batch_has_64_frames_unless_told_otherwise(switch: Switch) -> None:
    handed_over = [16, 16, 16, 16, 6]
    assert [bulk.sent for bulk in bulks(switch.burst(frame(slot(0)), 70))] == handed_over


@pytest.mark.semantics("E-20", "R-01")
def test_a_batch_has_one_redirect_state(switch: Switch) -> None:
    asked = frame(asks(slot(0), verdict=XDP_DROP), asks(verdict=XDP_REDIRECT))
    assert errors(switch.burst(asked, 4, batch_size=2)) == ["", ""]
    assert errors(switch.burst(asked, 4, batch_size=1)) == ["EBADRQC", "EBADRQC"]


@pytest.mark.semantics("E-21")
def test_a_live_frame_has_at_most_3408_bytes(switch: Switch) -> None:
    switch.eth1.mtu = 4000
    follows, longest = switch.programs["follows"], frame(slot(0), length=3408)
    switch.burst(longest, 1)
    assert switch.eth1.sent == [longest]
    assert refusal(follows.test_run, frame(slot(0), length=3409), live=True) == "EINVAL"


@pytest.mark.semantics("E-22")
def test_frames_that_pass_arrive_at_the_ingress_device(lab: Lab, switch: Switch) -> None:
    asked = frame(asks(verdict=XDP_PASS))
    assert told(switch.burst(asked, 3, switch.eth2)) == []
    assert switch.eth2.received == [asked] * 3
    switch.programs["follows"].test_run(asked, live=True)
    assert lab.lo.received == [asked]


@pytest.mark.semantics("E-22")
def test_frames_sent_back_are_redirected_to_the_ingress_device(lab: Lab, switch: Switch) -> None:
    asked = frame(asks(verdict=XDP_TX))
    events = switch.burst(asked, 2)
    assert [event.act for event in redirected(events)] == [XDP_REDIRECT] * 2
    assert told(events) == [
        "xdp_redirect eth0 -> eth0 no map",
        "xdp_redirect eth0 -> eth0 no map",
        "xdp_devmap_xmit eth0 -> eth0 sent 2 drops 0",
    ]
    assert switch.eth0.sent == [asked] * 2
    refused = "xdp_redirect_err lo -> lo no map err EOPNOTSUPP"
    assert told(switch.burst(asked, 1, lab.lo)) == [refused]


@pytest.mark.semantics("E-22")
@pytest.mark.parametrize("verdict", [XDP_ABORTED, XDP_DROP, 77])
def test_frames_that_are_dropped_leave_no_event(switch: Switch, verdict: int) -> None:
    assert told(switch.burst(frame(asks(verdict=verdict)), 2)) == []
    assert switch.eth0.received == []


@pytest.mark.semantics("E-23")
@pytest.mark.parametrize(
    ("turn", "error"),
    [
        (redirect(NO_DEVICE), "EINVAL"),
        (asks(verdict=XDP_REDIRECT), "EBADRQC"),
        (asks(slot(33), verdict=XDP_REDIRECT), "EINVAL"),
    ],
)
def test_errors_of_redirection_are_no_errors_of_the_request(
    switch: Switch, turn: Turn, error: str
) -> None:
    run = switch.programs["follows"].test_run(frame(turn), switch.eth0, live=True)
    assert (run.retval, run.data) == (XDP_ABORTED, b"")
    assert errors(run.events) == [error]


@pytest.mark.semantics("E-24")
def test_live_frames_come_in_by_queue_0_of_the_ingress_device(switch: Switch) -> None:
    asked = frame(asks(MARK, slot(0)))
    switch.burst(asked, 1, switch.eth3)
    seen = marks(switch.eth1.sent[0])
    assert (seen.ingress_ifindex, seen.rx_queue_index) == (switch.eth3.ifindex, 0)


@pytest.mark.semantics("E-25")
def test_pages_of_dropped_frames_are_used_again_as_they_were_left(switch: Switch) -> None:
    dropped = asks(MARK, verdict=XDP_DROP)
    asked = frame(*[dropped] * 64, slot(0))
    switch.burst(asked, 65)
    assert [marks(sent).runs for sent in switch.eth1.sent] == [1]


@pytest.mark.semantics("E-25")
def test_only_where_the_packet_begins_and_ends_is_as_at_first(switch: Switch) -> None:
    dropped = [asks(MARK, call, verdict=XDP_DROP) for call in (metadata(16), cut(20))]
    asked = frame(*dropped * 31, asks(MARK, slot(0)), length=3000)
    switch.eth1.mtu = 3000
    switch.burst(asked, 126, batch_size=63)
    first, second = (marks(sent) for sent in switch.eth1.sent)
    assert (first.runs, second.runs) == (1, 2)
    assert (first.metadata, second.metadata, second.linear) == (0, 0, 3000)


@pytest.mark.semantics("E-25")
def test_the_ring_of_pages_that_came_back_frees_places_by_sixteens(switch: Switch) -> None:
    drops_once = switch.programs["drops_once"]
    drops_once.test_run(frame(), switch.eth2, repeat=420, live=True, batch_size=70)
    # The ring has 70 places. Twice 64 pages come back and pass, then ten places still count as
    # taken and four pages are lost.
    assert len(switch.eth2.received) == 64 + 64 + 60


@pytest.mark.semantics("E-25", "B-03")
def test_a_broadcast_that_finds_nobody_gives_its_page_back(switch: Switch) -> None:
    for number in range(3):
        switch.ports.delete(number)
    # Of the pages that have come back, the last is the first to be used.
    nobody = slot(30, BPF_F_BROADCAST)
    asked = frame(*[nobody] * 63, asks(MARK, nobody), redirect(switch.eth1.ifindex))
    switch.burst(asked, 65)
    assert [marks(sent).runs for sent in switch.eth1.sent] == [1]


@pytest.mark.semantics("E-25")
def test_a_receiver_that_drops_gives_the_page_back(lab: Lab, switch: Switch) -> None:
    near = lab.veth("near", "far")
    far_end(near).attach(switch.programs["marks_and_drops"])
    switch.put(0, near)
    asked = frame(*[slot(0)] * 64, redirect(switch.eth1.ifindex))
    switch.burst(asked, 65)
    assert [marks(sent).runs for sent in switch.eth1.sent] == [1]


@pytest.mark.semantics("E-26")
def test_a_live_run_gives_the_packet_back_only_without_a_context(switch: Switch) -> None:
    live, asked = BPF_F_TEST_XDP_LIVE_FRAMES, frame(asks(MARK, verdict=XDP_DROP))
    run, context = switch.programs["follows"].test_run, {"data_end": 60}
    assert run(asked, flags=live).data == asked
    assert refusal(run, asked, flags=live, context=context) == "EINVAL"
    assert run(asked, flags=live, context=context, data_out=False).data == b""


@pytest.mark.semantics("E-27")
@pytest.mark.parametrize("attached", [False, True])
def test_the_program_need_not_be_attached(switch: Switch, attached: bool) -> None:
    if not attached:
        switch.eth0.detach()
    switch.burst(frame(slot(0)), 1)
    assert switch.sent() == [0, 1, 0, 0]


@pytest.mark.semantics("E-27", "W-01")
def test_the_target_must_take_frames_all_the_same(lab: Lab, switch: Switch) -> None:
    switch.put(0, lab.veth("near", "far"))
    assert errors(switch.burst(frame(slot(0)), 1)) == ["EOPNOTSUPP"]
