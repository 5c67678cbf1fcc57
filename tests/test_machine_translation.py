# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The shapes that translated programs take, and that each of them computes the right thing."""

from __future__ import annotations

from errno import ENOENT

import pytest

from spec.machine import Executable
from spec.machine.flow import Flow
from spec.machine.host import Context
from spec.machine.instruction import Instruction
from spec.machine.program import ProgramCode, Reference
from spec.maps.ordinary import create
from spec.release import Release
from spec.testing.differential.programs.assembly import EXIT, op, wide
from spec.uapi import XDP_REDIRECT, MapType
from tests.machine_programs import ENGINES, Recorder, RedirectMap, frame_64, outcome, program

ZERO = op(0xB7)


def translated(code: ProgramCode) -> str:
    """The Python text for *code*."""
    translation = Executable(code, {}, "translator", Flow(code, {}), Release()).translation
    assert translation is not None
    return translation.source


def agreed(code: ProgramCode) -> int:
    """What both engines say *code* returns."""
    ends = {outcome(code, engine) for engine in ENGINES}
    assert len(ends) == 1
    return int(ends.pop().split()[0])


def test_a_loop_becomes_a_while() -> None:
    code = program(
        ZERO, op(0xB7, 1, imm=10), op(0x0F, 0, 1), op(0x17, 1, imm=1), op(0x55, 1, 0, -3), EXIT
    )
    assert agreed(code) == sum(range(11))
    assert "while True:" in translated(code)
    assert "to <" not in translated(code)


def test_a_loop_with_two_entries_is_dispatched() -> None:
    code = program(
        op(0xB7, 0, imm=1),
        op(0x85, imm=7),
        op(0xBF, 1, 0),
        op(0x57, 1, imm=7),
        op(0x15, 1, 0, 1, 3),
        op(0x07, 1, imm=2),
        op(0x07, 1, imm=5),
        op(0x25, 1, 0, 1, 100),
        op(0x05, offset=-4),
        op(0xBF, 0, 1),
        EXIT,
    )
    assert "to <" in translated(code)
    start = 0x12345678 & 7
    while start <= 100:
        start += 7
    assert agreed(code) == start


def chain(tests: int) -> list[Instruction]:
    """``if r1 == n goto last`` for many n, each followed by an addition."""
    code = [ZERO, op(0xB7, 1, imm=tests - 1)]
    for number in range(tests):
        rest = 2 * (tests - number - 1) + 1
        code += [op(0x15, 1, 0, rest, number), op(0x07, imm=1)]
    return [*code, op(0x67, imm=1), op(0x67, imm=1), op(0x67, imm=1), EXIT]


def test_many_ways_to_one_place_stay_flat() -> None:
    code = program(*chain(300))
    assert agreed(code) == 299 * 8
    assert max(len(line) - len(line.lstrip()) for line in translated(code).splitlines()) < 6


def test_deep_nesting_gives_way_to_dispatch() -> None:
    """``if r1 == n goto`` the nth of many places that follow each other."""
    depth = 40
    code = [ZERO, op(0xB7, 1, imm=7)]
    code += [op(0x15, 1, 0, depth - 1 - number + 4 * number, number) for number in range(depth)]
    for number in range(depth):
        code += [op(0x07, imm=number), op(0x47, imm=1), op(0x67, imm=1), op(0x57, imm=0x7FFF)]
    expected = 0
    for number in range(7, depth):
        expected = (expected + number | 1) << 1 & 0x7FFF
    made = program(*code, EXIT)
    assert agreed(made) == expected


def test_crossing_jumps_nest_no_deeper_than_python_allows() -> None:
    """The first test jumps to the last place, the second to the one before, and so on."""
    depth = 40
    ingress = 11
    code = [ZERO, op(0x61, 1, 1, 12)]
    for number in range(depth):
        code.append(op(0x15, 1, 0, depth - 1 - number + 4 * (depth - 1 - number), number))
    for number in range(depth):
        code += [op(0x07, imm=number), op(0x47, imm=1), op(0x67, imm=1), op(0x57, imm=0x7FFF)]
    expected = 0
    for number in range(depth - 1 - ingress, depth):
        expected = (expected + number | 1) << 1 & 0x7FFF
    made = program(*code, EXIT)
    assert agreed(made) == expected
    assert "to <" in translated(made)


def test_the_plain_redirect_needs_no_memory() -> None:
    """``return bpf_redirect_map(&m, ctx->rx_queue_index, 0)``."""
    map = RedirectMap(MapType.BPF_MAP_TYPE_DEVMAP)
    code = program(
        op(0x61, 2, 1, 16),
        *wide(1, 0),
        op(0xB7, 3),
        op(0x85, imm=51),
        EXIT,
        references={1: Reference("m", None)},
    )
    for engine in ENGINES:
        host = Recorder()
        executable = Executable(code, {"m": map}, engine, Flow(code, {"m": map}), Release())
        assert executable.run(Context(frame_64(), 11, 22), host) == XDP_REDIRECT
        assert host.asked == [("redirect_map", "redirect_map", 22, 0)]
        if executable.translation:
            assert executable.translation.is_light


@pytest.mark.parametrize("machine", ENGINES)
def test_redirect_gets_32_bits_of_ifindex_and_all_flags(machine: str) -> None:
    code = program(*wide(1, 0x5_0000_0007), *wide(2, 0x1_0000_0000), op(0x85, imm=23), EXIT)
    host = Recorder()
    executable = Executable(code, {}, machine, Flow(code, {}), Release())
    executable.run(Context(frame_64()), host)
    assert host.asked == [("redirect", 7, 0x1_0000_0000)]


class Unable(Recorder):
    """A host with a mistake in it."""

    def redirect(self, ifindex: int, flags: int) -> int:
        raise KeyError(ifindex, flags)


@pytest.mark.parametrize("machine", ENGINES)
def test_a_mistake_of_the_host_is_not_blamed_on_the_program(machine: str) -> None:
    code = program(op(0xB7, 1), op(0xB7, 2), op(0x85, imm=23), EXIT)
    executable = Executable(code, {}, machine, Flow(code, {}), Release())
    with pytest.raises(KeyError):
        executable.run(Context(frame_64()), Unable())


class Target:
    """A program in a PROG_ARRAY."""

    def __init__(self, code: ProgramCode, maps: dict[str, object], engine: str) -> None:
        self.id = 1
        self.executable = Executable(code, maps, engine, Flow(code, maps), Release())  # type: ignore[arg-type]


@pytest.mark.parametrize("machine", ENGINES)
def test_tail_calls_end_after_33(machine: str) -> None:
    """A program that adds to a counter and calls itself."""
    targets: list[Target] = []
    programs = create(3, 4, 4, 1, 0, program_by_fd=lambda _: targets[0])
    counter = create(2, 4, 4, 1, 0)
    maps: dict[str, object] = {"programs": programs, "counter": counter}
    code = program(
        op(0xBF, 6, 1),
        *wide(7, 0),
        op(0x61, 8, 7),
        op(0x07, 8, imm=1),
        op(0x63, 7, 8),
        op(0xBF, 1, 6),
        *wide(2, 0),
        op(0xB7, 3),
        op(0x85, imm=12),
        op(0xBF, 0, 8),
        EXIT,
        references={1: Reference("counter", 0), 7: Reference("programs", None)},
    )
    targets.append(Target(code, maps, machine))
    programs.update_bytes(bytes(4), bytes(4), 0)
    returned = targets[0].executable.run(Context(frame_64()), Recorder())
    assert (returned, counter.lookup_bytes(bytes(4))) == (34, (34).to_bytes(4, "little"))


@pytest.mark.parametrize("machine", ENGINES)
def test_a_tail_call_to_nowhere_goes_on(machine: str) -> None:
    programs = create(3, 4, 4, 1, 0)
    code = program(
        *wide(2, 0),
        op(0xB7, 3, imm=5),
        op(0x85, imm=12),
        op(0x87, 0),
        EXIT,
        references={0: Reference("programs", None)},
    )
    assert outcome(code, machine, {"programs": programs}).split()[0] == str(ENOENT)


@pytest.mark.parametrize("machine", ENGINES)
def test_printk_formats(machine: str) -> None:
    text = b"%d %u%% %llx\0"
    slots = [int.from_bytes(text[at : at + 8].ljust(8, b"\0"), "little") for at in (0, 8)]
    code = program(
        *wide(6, slots[0]),
        op(0x7B, 10, 6, -16),
        *wide(6, slots[1]),
        op(0x7B, 10, 6, -8),
        op(0xBF, 1, 10),
        op(0x07, 1, imm=-16 & 0xFFFFFFFF),
        op(0xB7, 2, imm=len(text)),
        op(0xB7, 3, imm=-5 & 0xFFFFFFFF),
        op(0xB7, 4, imm=7),
        *wide(5, 1 << 40),
        op(0x85, imm=6),
        EXIT,
    )
    host = Recorder()
    executable = Executable(code, {}, machine, Flow(code, {}), Release())
    returned = executable.run(Context(frame_64()), host)
    assert host.asked == [("printk", "-5 7% 10000000000")]
    assert returned == len("-5 7% 10000000000")
