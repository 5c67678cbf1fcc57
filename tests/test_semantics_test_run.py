# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``BPF_PROG_TEST_RUN``: which requests are refused, and what plain and live runs do."""

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
from tests.switch import Switch, bulks, errors, far_end, redirected, refusal, told

NO_DEVICE = 99
FRAME = frame(asks(MARK, verdict=XDP_PASS), length=300)
FITTING = {"data_end": 300}


def refused(switch: Switch, data: bytes = FRAME, **options: object) -> str:
    """Why the request is refused."""
    return refusal(switch.programs["follows"].test_run, data, **options)


# Requests.


@pytest.mark.semantics("9.1")
@pytest.mark.parametrize("program", ["entry_pass", "cpu_follows"])
@pytest.mark.parametrize(
    "options", [{}, {"live": True}, {"live": True, "batch_size": 257}], ids=str
)
def test_programs_of_entries_cannot_be_run(
    switch: Switch, program: str, options: dict[str, object]
) -> None:
    assert refusal(switch.programs[program].test_run, FRAME, **options) == "EINVAL"


@pytest.mark.semantics("9.1")
@pytest.mark.parametrize("flags", [1, 4, 8, 1 << 31])
def test_flags_are_checked_before_the_size_of_batches(switch: Switch, flags: int) -> None:
    assert refused(switch, flags=flags) == "EINVAL"
    assert refused(switch, flags=flags, live=True, batch_size=257) == "EINVAL"


@pytest.mark.semantics("9.1", "E-20")
def test_batches_are_for_live_frames_and_have_at_most_256(switch: Switch) -> None:
    assert refused(switch, batch_size=1) == "EINVAL"
    assert refused(switch, live=True, batch_size=257) == "E2BIG"
    assert refused(switch, live=True, batch_size=257, context={"data_meta": 4}) == "E2BIG"


@pytest.mark.semantics("9.1")
@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    "context",
    [
        FITTING | {"data_meta": 4},
        {"data_end": 301},
        {"data": 8, "data_end": 4},
        FITTING | {"data": 6},
        FITTING | {"data": 220},
        FITTING | {"egress_ifindex": 1},
        FITTING | {"rx_queue_index": 1},
        FITTING | {"rx_queue_index": 1, "ingress_ifindex": 1},
    ],
    ids=str,
)
def test_a_context_that_makes_no_sense_is_refused(
    switch: Switch, context: dict[str, int], live: bool
) -> None:
    assert refused(switch, context=context, live=live) == "EINVAL"


@pytest.mark.semantics("9.1")
@pytest.mark.parametrize("live", [False, True])
def test_the_device_is_looked_up_last_but_for_its_queue(switch: Switch, live: bool) -> None:
    nowhere = FITTING | {"ingress_ifindex": NO_DEVICE}
    assert refused(switch, context=nowhere, live=live) == "ENODEV"
    assert refused(switch, context=nowhere | {"rx_queue_index": 9}, live=live) == "ENODEV"
    for spoilt in ({"data": 6}, {"data_meta": 4}, {"egress_ifindex": 1}, {"data_end": 301}):
        assert refused(switch, context=nowhere | spoilt, live=live) == "EINVAL"


@pytest.mark.semantics("9.1")
@pytest.mark.parametrize("live", [False, True])
def test_behind_the_metadata_there_is_at_least_an_ethernet_header(
    switch: Switch, live: bool
) -> None:
    program = switch.programs["follows"]
    program.test_run(FRAME[:14], live=live)
    assert refused(switch, FRAME[:13], live=live) == "EINVAL"
    program.test_run(FRAME[:34], live=live, context={"data": 20, "data_end": 34})
    context = {"data": 20, "data_end": 33}
    assert refused(switch, FRAME[:33], live=live, context=context) == "EINVAL"


@pytest.mark.semantics("9.1")
@pytest.mark.parametrize("size", [0, 4, 216])
def test_the_context_says_how_many_bytes_in_front_are_metadata(switch: Switch, size: int) -> None:
    before = bytes(range(size))
    context = {"data": size, "data_end": size + len(FRAME)}
    result = switch.programs["follows"].test_run(before + FRAME, context=context)
    assert (result.retval, result.data[:size]) == (XDP_PASS, before)
    seen = marks(result.data[size:])
    assert (seen.metadata, seen.linear) == (size, len(FRAME))


@pytest.mark.semantics("E-01")
def test_a_context_that_does_not_say_where_the_data_end_leaves_nothing_in_one_piece(
    switch: Switch,
) -> None:
    context = {"ingress_ifindex": switch.eth0.ifindex}
    assert refused(switch, live=True, context=context) == "EINVAL"
    result = switch.programs["follows"].test_run(FRAME, context=context)
    assert (result.retval, result.data) == (XDP_PASS, FRAME), "the program saw no byte of it"


@pytest.mark.semantics("E-01")
def test_what_is_behind_the_end_of_the_data_becomes_fragments(switch: Switch) -> None:
    result = switch.programs["follows"].test_run(FRAME, context={"data_end": 100})
    assert (len(result.data), marks(result.data).linear) == (300, 100)
    assert refused(switch, live=True, context={"data_end": 100}) == "EINVAL"


@pytest.mark.semantics("E-02")
def test_without_an_ingress_device_it_is_the_loopback_device(lab: Lab, switch: Switch) -> None:
    result = switch.programs["follows"].test_run(FRAME)
    assert marks(result.data).ingress_ifindex == lab.lo.ifindex == 1
    run = switch.programs["follows"].test_run(frame(slot(0)), live=True)
    assert [event.ifindex for event in redirected(run.events)] == [1]


@pytest.mark.semantics("E-03")
def test_the_ingress_device_can_be_chosen(switch: Switch) -> None:
    result = switch.programs["follows"].test_run(FRAME, switch.eth3)
    assert marks(result.data).ingress_ifindex == switch.eth3.ifindex
    context = FITTING | {"ingress_ifindex": switch.eth2.ifindex}
    result = switch.programs["follows"].test_run(FRAME, context=context)
    assert marks(result.data).ingress_ifindex == switch.eth2.ifindex


@pytest.mark.semantics("E-03")
@pytest.mark.parametrize("live", [False, True])
def test_the_ingress_device_must_be_in_the_callers_namespace(
    lab: Lab, switch: Switch, live: bool
) -> None:
    switch.eth3.move(lab.namespace())
    assert refused(switch, ingress=switch.eth3, live=live) == "ENODEV"


# Plain runs.


@pytest.mark.semantics("E-10")
@pytest.mark.parametrize("verdict", [XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT, 77])
def test_a_plain_run_reports_the_verdict_and_follows_none(
    lab: Lab, switch: Switch, verdict: int
) -> None:
    asked = frame(asks(slot(0), verdict=verdict))
    result = switch.programs["follows"].test_run(asked, switch.eth0)
    assert (result.retval, result.data) == (verdict, asked)
    assert list(lab.events()) == []
    assert (switch.sent(), switch.eth0.received) == ([0, 0, 0, 0], [])


@pytest.mark.semantics("E-10")
def test_plain_runs_find_the_packet_as_the_one_before_left_it(switch: Switch) -> None:
    result = switch.programs["follows"].test_run(FRAME, repeat=5)
    assert marks(result.data).runs == 5


# Live frames.


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
    longest = frame(slot(0), length=3408)
    switch.burst(longest, 1)
    assert switch.eth1.sent == [longest]
    assert refused(switch, frame(slot(0), length=3409), live=True) == "EINVAL"


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
    assert told(switch.burst(asked, 2)) == [
        "xdp_redirect eth0 -> eth0 no map",
        "xdp_redirect eth0 -> eth0 no map",
        "xdp_devmap_xmit eth0 -> eth0 sent 2 drops 0",
    ]
    assert switch.eth0.sent == [asked] * 2
    assert errors(switch.burst(asked, 1, lab.lo)) == ["EOPNOTSUPP"]


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
    assert switch.programs["follows"].test_run(asked, flags=live).data == asked
    assert refused(switch, asked, flags=live, context={"data_end": 60}) == "EINVAL"
    without = switch.programs["follows"].test_run(
        asked, flags=live, context={"data_end": 60}, data_out=False
    )
    assert without.data == b""


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
