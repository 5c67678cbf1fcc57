# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ``BPF_PROG_TEST_RUN`` accepts and does; holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.errors import KernelError, errno_name
from spec.lab import Lab, LoadedObject, Program
from spec.trace import Redirect, RedirectErr
from spec.uapi import BPF_F_TEST_XDP_LIVE_FRAMES, XDP_ABORTED, XDP_PASS, XDP_REDIRECT, XDP_TX
from tests.model_programs import SOURCE, wish


@pytest.fixture
def loaded(lab: Lab, compile_bpf: Callable[..., Path]) -> LoadedObject:
    return lab.load(compile_bpf(SOURCE, "model_programs"))


@pytest.fixture
def program(loaded: LoadedObject) -> Program:
    return loaded.programs["by_slot"]


def refusal(operation: Callable[..., object], *arguments: object, **options: object) -> str:
    """The name of the errno with which the kernel refuses *operation*."""
    with pytest.raises(KernelError) as caught:
        operation(*arguments, **options)
    return errno_name(caught.value.errno or 0)


def test_a_plain_run_reports_the_verdict_and_follows_none(
    lab: Lab, loaded: LoadedObject, program: Program
) -> None:
    eth0 = lab.tap("eth0")
    loaded.maps["tx_port"].update(0, eth0)
    result = program.test_run(wish())
    assert (result.retval, result.data, list(result.events)) == (XDP_REDIRECT, wish(), [])
    assert eth0.sent == []
    assert list(lab.events()) == []


def test_programs_for_entries_cannot_be_run(loaded: LoadedObject) -> None:
    for name in ("entry_pass", "cpu_pass"):
        for live in (False, True):
            assert refusal(loaded.programs[name].test_run, wish(), live=live) == "EINVAL"


def test_a_packet_has_at_least_an_ethernet_header(program: Program) -> None:
    assert program.test_run(wish()[:14]).retval == XDP_PASS
    for live in (False, True):
        assert refusal(program.test_run, wish()[:13], live=live) == "EINVAL"


def test_a_live_frame_has_at_most_3408_bytes(program: Program) -> None:
    program.test_run(wish(length=3408), live=True)
    assert refusal(program.test_run, wish(length=3409), live=True) == "EINVAL"


@pytest.mark.parametrize("length", [3520, 3521, 9000])
def test_a_plain_packet_may_be_longer_and_has_fragments_then(program: Program, length: int) -> None:
    assert len(program.test_run(wish(length=length)).data) == length


def test_a_packet_has_at_most_17_fragments(program: Program) -> None:
    most = 3520 + 17 * 4096
    assert len(program.test_run(wish(length=most)).data) == most
    assert refusal(program.test_run, wish(length=most + 1)) == "ENOMEM"


def test_batches_are_for_live_frames_and_end_at_256(program: Program) -> None:
    assert refusal(program.test_run, wish(), batch_size=1) == "EINVAL"
    assert refusal(program.test_run, wish(), live=True, batch_size=257) == "E2BIG"


def test_live_frames_always_answer_0_whatever_becomes_of_them(program: Program) -> None:
    result = program.test_run(wish(key=77, verdict=XDP_REDIRECT), live=True)
    assert (result.retval, result.data) == (XDP_ABORTED, b"")
    assert isinstance(result.events[0], RedirectErr)


def test_live_frames_that_pass_arrive_at_the_ingress_device(lab: Lab, program: Program) -> None:
    eth0, frame = lab.tap("eth0"), wish(verdict=XDP_PASS)
    program.test_run(frame, eth0, repeat=3, live=True)
    assert eth0.received == [frame] * 3
    program.test_run(frame, live=True)
    assert (eth0.received, lab.lo.received) == ([], [frame])


def test_sending_back_a_live_frame_is_a_redirect_to_the_ingress_device(
    lab: Lab, program: Program
) -> None:
    eth0 = lab.tap("eth0")
    event = program.test_run(wish(verdict=XDP_TX), eth0, live=True).events[0]
    assert isinstance(event, Redirect)
    assert (event.act, event.ifindex, event.to_ifindex) == (4, eth0.ifindex, eth0.ifindex)
    assert len(eth0.sent) == 1
    refused = program.test_run(wish(verdict=XDP_TX), live=True).events
    assert repr(refused) == "xdp_redirect_err  lo -> lo  no map  err EOPNOTSUPP"


@pytest.mark.parametrize("verdict", [0, 1, 77])
def test_live_frames_that_are_dropped_leave_no_trace(
    lab: Lab, program: Program, verdict: int
) -> None:
    assert repr(program.test_run(wish(verdict=verdict), lab.lo, live=True).events) == "no events"


def test_repeating_0_times_means_once(lab: Lab, loaded: LoadedObject, program: Program) -> None:
    eth0 = lab.tap("eth0")
    loaded.maps["tx_port"].update(0, eth0)
    program.test_run(wish(), repeat=0, live=True)
    assert eth0.sent == [wish()]


def test_the_ingress_device_must_be_in_the_callers_namespace(lab: Lab, program: Program) -> None:
    eth0 = lab.tap("eth0")
    eth0.move(lab.namespace())
    for live in (False, True):
        assert refusal(program.test_run, wish(), eth0, live=live) == "ENODEV"


def test_metadata_is_the_beginning_of_the_data(program: Program) -> None:
    frame, metadata = wish(), bytes(216)
    context = {"data": len(metadata), "data_end": len(metadata + frame)}
    result = program.test_run(metadata + frame, context=context)
    assert (result.retval, result.data) == (XDP_ABORTED, metadata + frame)


@pytest.mark.parametrize(
    "context",
    [
        {"data": 6, "data_end": 60},
        {"data": 220, "data_end": 300},
        {"data_meta": 4, "data_end": 300},
        {"data_end": 301},
        {"data": 8, "data_end": 4},
        {"data_end": 300, "egress_ifindex": 1},
        {"data_end": 300, "rx_queue_index": 1},
        {"data_end": 300, "rx_queue_index": 1, "ingress_ifindex": 1},
    ],
    ids=str,
)
def test_a_context_that_makes_no_sense_is_refused(
    program: Program, context: dict[str, int]
) -> None:
    assert refusal(program.test_run, wish(length=300), context=context) == "EINVAL"


def test_the_sizes_are_checked_before_the_device(program: Program) -> None:
    asked = {"data_end": 300, "ingress_ifindex": 99}
    assert refusal(program.test_run, wish(length=300), context=asked) == "ENODEV"
    assert refusal(program.test_run, wish(length=300), context=asked | {"data": 6}) == "EINVAL"


def test_unknown_flags_are_refused(program: Program) -> None:
    for flags in (1, 4, 8):
        assert refusal(program.test_run, wish(), flags=flags) == "EINVAL"


def test_a_live_run_gives_the_packet_back_only_without_a_context(program: Program) -> None:
    asked = {"flags": BPF_F_TEST_XDP_LIVE_FRAMES, "context": {"data_end": 60}}
    assert refusal(program.test_run, wish(), **asked) == "EINVAL"
    assert program.test_run(wish(), flags=BPF_F_TEST_XDP_LIVE_FRAMES).data == wish()
    program.test_run(wish(), live=True, context={"data_end": 60})
