# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the program of a CPUMAP entry does on its CPU; every sentence holds on both engines.

Who wakes a thread for a socket buffer tells of it only afterwards, so that the account of the
thread may come first: the order of events on two CPUs is not compared in generic mode.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Lab
from spec.trace import CpumapEnqueue, CpumapKthread, DevmapXmit, ExceptionRaised, Redirect
from spec.uapi import XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX
from tests.bpf_pieces import INCLUDES, program
from tests.cpumap_programs import (
    ON_TO_CPU,
    TO_IFINDEX,
    TO_PORT,
    TO_SOCKET,
    Farm,
    enqueued,
    frame,
    marks,
    rounds,
    verdicts,
)
from tests.refusal import refusal
from tests.switch import bulks, errors, far_end, redirected

UNKNOWN_VERDICT = 77


@pytest.mark.semantics("K-03", "K-05")
@pytest.mark.parametrize("verdict", [XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, UNKNOWN_VERDICT])
def test_only_pass_lets_a_frame_up_the_stack_and_nothing_else_is_reported(
    farm: Farm, verdict: int
) -> None:
    farm.put(farm.there, program="obeys")
    events = farm.eth0.receive(frame(farm.there, verdict=verdict))
    passed = verdict == XDP_PASS
    assert verdicts(events) == (int(passed), int(not passed), 0)
    assert len(farm.eth0.received) == passed
    assert [type(event) for event in events] == [Redirect, CpumapEnqueue, CpumapKthread]


@pytest.mark.semantics("K-03")
@pytest.mark.parametrize("verdict", [XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, UNKNOWN_VERDICT])
def test_of_socket_buffers_every_drop_but_xdp_drop_is_an_exception(
    lab: Lab, compile_bpf: Callable[..., Path], verdict: int
) -> None:
    farm = Farm(lab, compile_bpf, "generic")
    farm.put(farm.there, program="obeys")
    events = farm.eth0.receive(frame(farm.there, verdict=verdict))
    passed, silent = verdict == XDP_PASS, verdict in (XDP_PASS, XDP_DROP)
    assert verdicts(events) == (int(passed), int(not passed), 0)
    assert len(farm.eth0.received) == passed
    raised = [event for event in events if isinstance(event, ExceptionRaised)]
    expected = ExceptionRaised((farm.programs["obeys"].id, verdict, farm.eth0.ifindex))
    assert raised == ([] if silent else [expected])


@pytest.mark.semantics("K-03")
@pytest.mark.parametrize("kind", [TO_PORT, TO_IFINDEX])
def test_the_program_may_redirect_once_more(either: Farm, kind: int) -> None:
    either.put(either.there, program="obeys")
    sent = frame(either.there, kind, ifindex=either.eth1.ifindex)
    events = either.eth0.receive(sent)
    assert verdicts(events) == (0, 0, 1)
    assert errors(events) == ["", ""]
    assert {event.prog_id for event in redirected(events)} == {
        either.programs["to_cpu"].id,
        either.programs["obeys"].id,
    }
    assert [marks(frame).ran_on for frame in either.eth1.sent] == [either.there]
    assert either.eth0.received == []


@pytest.mark.semantics("K-03")
@pytest.mark.parametrize(("kind", "ifindex"), [(TO_IFINDEX, 999), (TO_IFINDEX, 0)])
def test_a_redirect_that_fails_counts_as_a_drop(either: Farm, kind: int, ifindex: int) -> None:
    either.put(either.there, program="obeys")
    events = either.eth0.receive(frame(either.there, kind, ifindex=ifindex))
    assert verdicts(events) == (0, 1, 0)
    assert sorted(errors(events)) == ["", "EINVAL"]
    assert not any(isinstance(event, ExceptionRaised) for event in events)


@pytest.mark.semantics("K-03")
def test_what_a_round_redirects_is_sent_at_its_end(farm: Farm) -> None:
    farm.put(farm.here, program="obeys")
    events = farm.burst(frame(farm.here, TO_PORT), 20)
    after_queueing = [event for event in events if not isinstance(event, Redirect | CpumapEnqueue)]
    assert [type(event) for event in after_queueing] == [DevmapXmit, CpumapKthread] * 3
    assert [bulk.sent for bulk in bulks(events)] == [8, 8, 4]
    assert len(farm.eth1.sent) == 20


@pytest.mark.semantics("K-03")
def test_the_program_may_send_frames_to_yet_another_cpu(either: Farm) -> None:
    either.put(either.there, program="obeys")
    either.maps["more_cpus"].update(either.here, 64)
    sent = frame(either.there, ON_TO_CPU, slot=either.here)
    events = either.eth0.receive(sent)
    assert {(event.cpu, event.to_cpu) for event in enqueued(events)} == {
        (either.here, either.there),
        (either.there, either.here),
    }
    assert {event.cpu for event in rounds(events)} == {either.there, either.here}
    assert [marks(frame).ran_on for frame in either.eth0.received] == [either.there]


@pytest.mark.semantics("K-03", "X-16")
def test_the_program_may_give_frames_to_a_socket(either: Farm) -> None:
    either.put(either.there, program="obeys")
    socket = either.lab.socket()
    socket.bind(either.eth0)
    either.maps["sockets"].update(2, socket)
    events = either.eth0.receive(frame(either.there, TO_SOCKET, slot=2))
    assert verdicts(events) == (0, 0, 1)
    assert [marks(frame).ran_on for frame in socket.received] == [either.there]


@pytest.mark.semantics("K-03")
def test_the_program_sees_every_frame_of_a_round(farm: Farm) -> None:
    farm.put(farm.here, program="every_other")
    assert verdicts(farm.burst(frame(farm.here), 16)) == (8, 8, 0)
    assert [marks(frame).serial for frame in farm.eth0.received] == [1, 3, 5, 7, 9, 11, 13, 15]


@pytest.mark.semantics("K-03", "G-07")
def test_the_program_sees_every_socket_buffer_of_a_round(
    lab: Lab, compile_bpf: Callable[..., Path]
) -> None:
    farm = Farm(lab, compile_bpf, "generic")
    farm.put(farm.here, program="every_other")
    assert verdicts(farm.burst(frame(farm.here), 8, "pass")) == (4, 4, 0)
    assert [marks(frame).serial for frame in farm.eth0.received] == [1, 3, 5, 7]


@pytest.mark.semantics("K-04")
def test_the_program_knows_where_the_frame_arrived_but_not_in_which_queue(either: Farm) -> None:
    either.put(either.there, program="obeys")
    either.eth0.receive(frame(either.there))
    (left,) = (marks(frame) for frame in either.eth0.received)
    assert left == (either.eth0.ifindex, 0, either.there, 1)


@pytest.mark.semantics("K-04", "A-01")
def test_the_program_has_no_egress_device(lab: Lab, compile_bpf: Callable[..., Path]) -> None:
    source = INCLUDES + program("return ctx->egress_ifindex ? 1 : 2;", "xdp/cpumap")
    assert refusal(lab.load, compile_bpf(source, "egress")) == "EACCES"


@pytest.mark.semantics("K-05")
def test_without_a_program_nothing_counts_as_passed(either: Farm) -> None:
    either.put(either.there)
    (event,) = rounds(either.eth0.receive(frame(either.there)))
    counts = (event.drops, event.processed, event.xdp_pass, event.xdp_drop, event.xdp_redirect)
    assert counts == (0, 1, 0, 0, 0)
    assert (event.map_id, event.act, event.cpu) == (either.cpus.id, 4, either.there)


@pytest.mark.semantics("K-05")
def test_a_round_counts_what_the_program_said(farm: Farm) -> None:
    farm.put(farm.here, program="obeys")
    (event,) = rounds(farm.burst(frame(farm.here), 5))
    assert (event.processed, event.drops) == (5, 0)
    assert (event.xdp_pass, event.xdp_drop, event.xdp_redirect) == (5, 0, 0)


@pytest.mark.semantics("K-06", "Q-03")
def test_frames_of_two_devices_in_one_round_are_sent_as_if_from_the_first(
    lab: Lab, farm: Farm
) -> None:
    farm.put(farm.here, program="obeys")
    near = lab.veth("near", "far")
    far_end(near).attach(farm.programs["to_cpu"])
    # The veth redirects in the softirq right after the round in hand, and before the thread runs.
    events = farm.burst(frame(farm.here, TO_PORT, ifindex=near.ifindex), 2, "by_turns")
    (event,) = rounds(events)
    assert (event.processed, event.xdp_redirect) == (2, 2)
    sent = bulks(events)[-1]
    assert (sent.from_ifindex, sent.to_ifindex, sent.sent) == (
        farm.eth0.ifindex,
        farm.eth1.ifindex,
        2,
    )
    assert [marks(frame).ingress_ifindex for frame in farm.eth1.sent] == [
        farm.eth0.ifindex,
        far_end(near).ifindex,
    ]


@pytest.mark.semantics("K-02", "K-03")
def test_in_a_round_frames_come_before_socket_buffers(
    lab: Lab, compile_bpf: Callable[..., Path]
) -> None:
    farm = Farm(lab, compile_bpf, "generic")
    farm.put(farm.here, program="obeys")
    near = lab.veth("near", "far")
    far_end(near).attach(farm.programs["to_cpu"])
    # The socket buffer goes into the ring with the round in hand, the veth's frame after it.
    events = farm.burst(frame(farm.here, ifindex=near.ifindex), 2, "pass_by_turns")
    (event,) = rounds(events)
    assert (event.processed, event.xdp_pass) == (2, 2)
    assert [marks(frame).serial for frame in far_end(near).received] == [1]
    assert [marks(frame).serial for frame in farm.eth0.received] == [2]
