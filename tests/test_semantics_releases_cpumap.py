# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""CPUs and sockets as targets in other releases; only the model can show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spec import ModelLab
from spec.lab import Socket
from spec.trace import CpumapEnqueue, CpumapKthread, Event, ExceptionRaised, Redirect
from spec.uapi import BPF_F_TEST_XDP_LIVE_FRAMES, XDP_ABORTED, XDP_TX
from tests.bpf_pieces import INCLUDES, program
from tests.cpumap_programs import TO_IFINDEX, TO_SOCKET, Farm, frame, marks, verdicts
from tests.redirect_programs import frame as script
from tests.redirect_programs import socket as to_slot
from tests.segments import SOURCE as SEGMENTS
from tests.segments import Stack, Tcp
from tests.switch import errors, far_end
from tests.wide import Wide

pytestmark = pytest.mark.model
Open = Callable[..., Farm]


@pytest.fixture
def open_farm(compile_bpf: Callable[..., Path]) -> Iterator[Open]:
    """``open_farm("5.10", "generic")``: a lab of that release."""
    labs: list[ModelLab] = []

    def open_one(release: str, mode: str = "native") -> Farm:
        labs.append(ModelLab(release))
        return Farm(labs[-1], compile_bpf, mode)

    yield open_one
    for lab in labs:
        lab.close()


def to_socket(farm: Farm, **sizes: int) -> Socket:
    """A socket of ``eth0`` to which CPU 1 sends frames."""
    farm.put(1, program="obeys")
    made = farm.lab.socket(**sizes)
    farm.maps["sockets"].update(0, made)
    return made


@pytest.mark.semantics("K-03")
@pytest.mark.parametrize(("release", "told"), [("7.1", 0), ("7.2", 1)])
@pytest.mark.parametrize("verdict", [XDP_ABORTED, XDP_TX, 77])
def test_an_exception_of_a_frame_is_told_since_7_2(
    open_farm: Open, release: str, told: int, verdict: int
) -> None:
    farm = open_farm(release)
    farm.put(1, program="obeys")
    events = farm.eth0.receive(frame(1, verdict=verdict))
    assert sum(isinstance(event, ExceptionRaised) for event in events) == told


@pytest.mark.semantics("X-10")
@pytest.mark.parametrize(("release", "errno"), [("5.18", "EINVAL"), ("5.19", "ENXIO")])
def test_an_unbound_socket_had_no_errno_of_its_own(
    open_farm: Open, release: str, errno: str
) -> None:
    farm = open_farm(release)
    to_socket(farm)
    assert errors(farm.eth0.receive(frame(1, TO_SOCKET)))[-1] == errno


@pytest.mark.semantics("X-13")
@pytest.mark.parametrize(("release", "errno"), [("5.18", "ENOSPC"), ("5.19", "ENOMEM")])
def test_a_missing_buffer_had_no_errno_of_its_own(
    open_farm: Open, release: str, errno: str
) -> None:
    farm = open_farm(release)
    to_socket(farm, fill=0).bind(farm.eth0)
    assert errors(farm.eth0.receive(frame(1, TO_SOCKET)))[-1] == errno


@pytest.mark.semantics("X-14")
@pytest.mark.parametrize(("release", "errno"), [("5.18", "ENOSPC"), ("5.19", "ENOBUFS")])
def test_a_full_ring_had_no_errno_of_its_own(open_farm: Open, release: str, errno: str) -> None:
    farm = open_farm(release)
    made = to_socket(farm, ring=1, fill=1)
    made.bind(farm.eth0)
    for _ in range(2):
        farm.programs["to_cpu"].test_run(
            frame(1, TO_SOCKET), farm.eth0, flags=BPF_F_TEST_XDP_LIVE_FRAMES, data_out=False
        )
        if not made.statistics["rx_ring_full"]:
            made.fill(1)
    assert errors(farm.lab.events())[-1] == errno


@pytest.mark.semantics("X-19")
@pytest.mark.parametrize(("release", "taken"), [("6.5", False), ("6.6", True)])
def test_sockets_refused_fragments_without_a_word(
    wide_release: Callable[..., Wide], release: str, taken: bool
) -> None:
    wide = wide_release(release)
    made = wide.lab.socket()
    made.bind(wide.far)
    wide.maps["xsks"].update(0, made)
    events = wide.far.receive(script(to_slot(0), length=3600))
    assert (len(events), len(made.received)) == (int(taken), int(taken))


@pytest.mark.semantics("K-03")
def test_the_program_missed_socket_buffers_after_one_that_it_dropped(open_farm: Open) -> None:
    farm = open_farm("6.14", "generic")
    farm.put(0, program="every_other")
    assert verdicts(farm.burst(frame(0), 8, "pass")) == (0, 1, 0)
    assert [marks(frame).serial for frame in farm.eth0.received] == [1, 0, 0, 0, 0, 0, 0]


@pytest.mark.semantics("K-02")
def test_the_account_of_a_round_came_after_what_the_stack_did(open_farm: Open) -> None:
    # The frame that comes back meets generic XDP, which redirects it to the CPU again.
    orders = []
    for release in ("6.11", "6.12", "6.15"):
        farm = open_farm(release, "generic")
        farm.put(0)
        kinds = [type(event) for event in farm.burst(frame(0), 1)]
        orders.append(kinds)
    assert orders[0][2:5] == [CpumapEnqueue, Redirect, CpumapKthread]
    assert orders[1][2:5] == orders[2][2:5] == [CpumapKthread, CpumapEnqueue, Redirect]


@pytest.mark.semantics("K-02")
@pytest.mark.parametrize(("release", "last"), [("6.14", CpumapKthread), ("6.15", ExceptionRaised)])
def test_softirqs_that_a_thread_raised_ran_before_its_account(
    open_farm: Open, compile_bpf: Callable[..., Path], release: str, last: type[Event]
) -> None:
    farm = open_farm(release)
    target = farm.lab.veth("target", "sink")
    aborts = compile_bpf(INCLUDES + program("return XDP_ABORTED;"), "aborts")
    far_end(target).attach(farm.lab.load(aborts).programs["asked"])
    farm.put(0, program="obeys")
    events = farm.burst(frame(0, TO_IFINDEX, ifindex=target.ifindex), 1)
    assert {type(event) for event in events[-2:]} == {CpumapKthread, ExceptionRaised}
    assert type(events[-1]) is last


@pytest.mark.semantics("K-02")
@pytest.mark.parametrize(("release", "packets"), [("6.14", 2), ("6.15", 1)])
def test_segments_of_a_stream_went_up_one_by_one(
    compile_bpf: Callable[..., Path], release: str, packets: int
) -> None:
    with ModelLab(release) as lab:
        stack = Stack(lab, compile_bpf(SEGMENTS, "segments"))
        assert len(stack.gets(Tcp(), Tcp().then())) == packets
