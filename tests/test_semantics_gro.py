# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Segments of a TCP stream on their way up from a CPUMAP; every sentence holds on both engines."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from spec import ModelLab
from spec.lab import Lab
from spec.testing.compiler import compile_bpf as compiled
from tests.live import live_lab
from tests.segments import FIRST, MOST, SOURCE, Stack, Tcp
from tests.switch import far_end

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))


@pytest.fixture
def stack(lab: Lab, compile_bpf: Callable[..., Path]) -> Stack:
    return Stack(lab, compile_bpf(SOURCE, "segments"))


def payloads(frames: Sequence[bytes], header: int = 54) -> list[int]:
    """How much each packet carries."""
    return [len(frame) - header for frame in frames]


@pytest.mark.semantics("K-02")
@pytest.mark.parametrize("ipv6", [False, True])
def test_segments_that_follow_each_other_go_up_as_one_packet(stack: Stack, ipv6: bool) -> None:
    first = Tcp(ipv6=ipv6, payload=b"one")
    second = first.then(payload=b"two")
    third = second.then(payload=b"3")
    (merged,) = stack.gets(first, second, third)
    assert merged.endswith(b"onetwo3")


@pytest.mark.semantics("K-02")
def test_a_merged_packet_has_a_length_and_checksums_of_its_own(stack: Stack) -> None:
    (merged,) = stack.gets(FIRST, FIRST.then())
    alone = FIRST.frame()
    assert int.from_bytes(merged[16:18], "big") == 20 + 20 + 40
    assert merged[24:26] != alone[24:26]
    # The pseudo header's sum: protocol 6, 60 bytes, addresses 0.0.0.1 and 0.0.0.99.
    assert int.from_bytes(merged[50:52], "big") == 6 + 60 + 1 + 99


@pytest.mark.semantics("K-02")
@pytest.mark.parametrize(
    "changes",
    [
        {"source_port": 1},
        {"source": 2},
        {"mac": 9},
        {"ttl": 63},
        {"tos": 4},
        {"window": 499},
        {"acknowledgment": 8},
        {"options": b"\1\1\1\1"},
        {"sequence": 1021},
        {"identification": 3},
        {"fragment": 0},
        {"payload": bytes(21)},
        {"payload": b""},
        {"padding": 1},
        {"spoilt": True},
        {"flags": ACK | ECE},
        {"flags": ACK | CWR},
    ],
    ids=lambda changes: "-".join(f"{name}={value!r}" for name, value in changes.items()),
)
def test_segments_that_differ_in_anything_else_stay_apart(
    stack: Stack, changes: dict[str, object]
) -> None:
    second = FIRST.then(**changes)
    assert sorted(stack.gets(FIRST, second)) == sorted([FIRST.frame(), second.frame()])


@pytest.mark.semantics("K-02")
@pytest.mark.parametrize("flag", [FIN, PSH])
def test_a_segment_that_ends_something_is_the_last_of_its_packet(stack: Stack, flag: int) -> None:
    second = FIRST.then(flags=ACK | flag)
    third = second.then(flags=ACK)
    merged, after = stack.gets(FIRST, second, third)
    assert payloads([merged, after]) == [40, 20]
    assert merged[47] == ACK | flag


@pytest.mark.semantics("K-02")
def test_a_shorter_segment_is_the_last_of_its_packet(stack: Stack) -> None:
    second = FIRST.then(payload=bytes(5))
    assert payloads(stack.gets(FIRST, second, second.then())) == [25, 5]


@pytest.mark.semantics("K-02")
def test_what_cannot_be_merged_overtakes_what_is_held_back(stack: Stack) -> None:
    alone = Tcp(source_port=5, flags=ACK | SYN)
    received = stack.gets(FIRST, alone, FIRST.then())
    assert payloads(received) == [20, 40]


@pytest.mark.semantics("K-02")
def test_packets_are_numbered_one_after_the_other_or_all_alike(stack: Stack) -> None:
    fixed = FIRST.then(identification=FIRST.identification)
    assert payloads(stack.gets(FIRST, fixed, fixed.then(identification=1))) == [60]
    assert payloads(stack.gets(FIRST, fixed, fixed.then(identification=2))) == [40, 20]


@pytest.mark.semantics("K-02")
def test_without_gro_nothing_is_merged(stack: Stack) -> None:
    stack.eth0.offload("gro", on=False)
    assert payloads(stack.gets(FIRST, FIRST.then())) == [20, 20]
    stack.eth0.offload("gro", on=True)
    assert payloads(stack.gets(FIRST, FIRST.then())) == [40]


@pytest.mark.semantics("K-02")
def test_a_veth_does_not_merge_unless_it_is_asked_to(lab: Lab, stack: Stack) -> None:
    veth = lab.veth("near", "far")
    assert payloads(stack.gets(FIRST, FIRST.then(), device=veth)) == [20, 20]
    veth.offload("gro", on=True)
    assert payloads(stack.gets(FIRST, FIRST.then(), device=veth)) == [40]


@pytest.mark.semantics("W-05")
@pytest.mark.parametrize("program", ["none", "pass"])
def test_a_veth_with_gro_merges_what_is_redirected_to_it(
    lab: Lab, stack: Stack, program: str
) -> None:
    near = lab.veth("near", "far")
    far = far_end(near)
    far.offload("gro", on=True)
    if program != "none":
        far.attach(stack.passes)
    alone = Tcp(source_port=5, flags=ACK | SYN)
    assert payloads(stack.gets(FIRST, alone, FIRST.then(), through=near)) == [20, 40]


@pytest.mark.semantics("W-05")
def test_a_veth_without_gro_merges_nothing_even_with_a_program(lab: Lab, stack: Stack) -> None:
    near = lab.veth("near", "far")
    far_end(near).attach(stack.passes)
    assert payloads(stack.gets(FIRST, FIRST.then(), through=near)) == [20, 20]


def any_stream(choose: random.Random) -> list[Tcp]:
    """Segments of up to three streams that mostly follow each other."""
    ends = [
        Tcp(source_port=port, ipv6=choose.random() < 0.3, options=choose.choice([b"", b"\1" * 4]))
        for port in range(1, choose.randint(2, 4))
    ]
    segments = []
    for _ in range(MOST):
        index = choose.randrange(len(ends))
        segments.append(ends[index])
        changes: dict[str, object] = {}
        if choose.random() < 0.4:
            name, values = choose.choice(list(ODDITIES.items()))
            changes[name] = choose.choice(values)
        ends[index] = ends[index].then(**changes)
    return segments


ODDITIES: dict[str, Sequence[object]] = {
    "flags": (ACK, ACK | PSH, ACK | FIN, ACK | RST, ACK | URG, ACK | CWR, ACK | ECE, SYN),
    "payload": (b"", b"1", bytes(19), bytes(20), bytes(21), bytes(40)),
    "identification": (0, 1, 2, 65535),
    "fragment": (0, 0x4000, 0x2000, 0x8000, 1),
    "ttl": (1, 64),
    "tos": (0, 3),
    "window": (0, 500),
    "sequence": (0, 0xFFFFFFF0, 1000),
    "spoilt": (True, False),
    "padding": (0, 3),
    "mac": (1, 2),
}


@pytest.mark.kernel
@pytest.mark.semantics("K-02")
def test_random_streams_go_up_alike() -> None:
    path = compiled(SOURCE, "segments")
    choose = random.Random(20261123)
    with live_lab() as live, ModelLab() as model:
        kernel_stack, model_stack = Stack(live, path), Stack(model, path)
        for _ in range(150):
            segments = any_stream(choose)
            expected = kernel_stack.gets(*segments)
            assert model_stack.gets(*segments) == expected, segments
