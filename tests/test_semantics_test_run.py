# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``BPF_PROG_TEST_RUN``: which requests are refused, and what plain and live runs do."""

from __future__ import annotations

import pytest

from spec.lab import Lab
from spec.uapi import (
    XDP_ABORTED,
    XDP_DROP,
    XDP_PASS,
    XDP_REDIRECT,
    XDP_TX,
)
from tests.redirect_programs import MARK, asks, frame, marks, slot
from tests.refusal import refusal
from tests.switch import Switch, redirected

NO_DEVICE = 99
LONGEST_LINEAR = 3520
"""How many bytes a plain run puts into one piece; what is longer goes on in fragments."""
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


@pytest.mark.semantics("E-10")
@pytest.mark.parametrize("length", [LONGEST_LINEAR, LONGEST_LINEAR + 1, 9000])
def test_a_plain_packet_may_have_fragments(switch: Switch, length: int) -> None:
    result = switch.programs["follows"].test_run(frame(asks(verdict=XDP_PASS), length=length))
    assert len(result.data) == length


@pytest.mark.semantics("E-10")
def test_a_packet_has_at_most_17_fragments(switch: Switch) -> None:
    most = LONGEST_LINEAR + 17 * 4096
    assert len(switch.programs["follows"].test_run(bytes(most)).data) == most
    assert refused(switch, bytes(most + 1)) == "ENOMEM"
