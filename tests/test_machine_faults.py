# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs that go wrong while they run: one clear error, the same from both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.frame import Frame
from spec.machine import MachineFault, load
from spec.machine.fault import BUDGET
from spec.machine.host import Context
from spec.machine.instruction import Instruction
from spec.machine.program import Reference
from spec.testing.differential.programs.assembly import EXIT, op, wide
from tests.machine_programs import (
    ENGINES,
    Recorder,
    frame_64,
    load_object,
    make_map,
    outcome,
    program,
    run,
)

CompileBpf = Callable[..., Path]

ZERO = op(0xB7)
LOST = [op(0xBF, 3, 1), op(0x85, 0, 0, 0, 7), op(0xBF, 2, 10), op(0x0F, 2, 0), op(0x1F, 2, 0)]
"""r2 becomes the frame pointer in a way that the checks do not follow."""

FAULTS: dict[str, tuple[list[Instruction], str]] = {
    "above the stack": (
        [*LOST, op(0x79, 0, 2, -4), EXIT],
        "read of 8 bytes at offset 508 of the stack, which has 512 bytes"
        " at instruction 5 (r0 = *(u64 *)(r2 -4))",
    ),
    "below the stack": (
        [*LOST, op(0x72, 2, 0, -513, 1), ZERO, EXIT],
        "write of 1 bytes at 0xffffffff, where nothing is"
        " at instruction 5 (*(u8 *)(r2 -513) = 1)",
    ),
    "a wild pointer": (
        [op(0x85, 0, 0, 0, 7), op(0xBF, 3, 0), *LOST[2:4], op(0x0F, 2, 2),
         op(0x61, 0, 2), EXIT],
        "read of 4 bytes at 0x22468b0f0, where nothing is at instruction 5"
        " (r0 = *(u32 *)(r2 +0))",
    ),
    "far beyond in a write": (
        [*LOST, op(0x7A, 2, 0, 4096, 1), ZERO, EXIT],
        "write of 8 bytes at offset 4608 of the stack, which has 512 bytes"
        " at instruction 5 (*(u64 *)(r2 +4096) = 1)",
    ),
    "an atomic beyond": (
        [*LOST, ZERO, op(0xDB, 2, 0, 0, 1), EXIT],
        "read of 8 bytes at offset 512 of the stack, which has 512 bytes"
        " at instruction 6 (lock *(u64 *)(r2 +0) op 0x1 r0)",
    ),
    "no end": (
        [ZERO, op(0x05, offset=-1)],
        f"stopped after {BUDGET:,} instructions at instruction 1 (goto pc-1)",
    ),
    "no end in a loop of two": (
        [ZERO, op(0x07, imm=1), op(0x55, 0, 0, -2, 0), EXIT],
        f"stopped after {BUDGET:,} instructions at instruction 2 (if r0 != 0x0 goto pc-2)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("machine", ENGINES)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_names_its_instruction(name: str, machine: str) -> None:
    code, message = FAULTS[name]
    assert outcome(program(*code), machine).startswith(f"{message} 256 256 320 ")


@pytest.mark.parametrize("machine", ENGINES)
def test_recursion_ends(machine: str) -> None:
    code = program(op(0x85, 0, 1, 0, 1), EXIT, op(0x85, 0, 1, 0, -1), EXIT, functions=(0, 2))
    with pytest.raises(MachineFault, match="more than 8 functions are active"):
        run(code, machine)


@pytest.mark.parametrize("machine", ENGINES)
def test_a_fault_in_a_called_function_is_its_own(machine: str) -> None:
    inner = [op(0x79, 0, 1), EXIT]
    code = program(op(0xBF, 1, 10), op(0x85, 0, 1, 0, 1), EXIT, *inner, functions=(0, 3))
    with pytest.raises(MachineFault, match=r"of the stack.* at instruction 3 \(r0 = "):
        run(code, machine)


@pytest.mark.parametrize("machine", ENGINES)
def test_a_stale_packet_pointer_is_noticed(machine: str) -> None:
    """The checks lose sight of it because a called function moved the packet."""
    code = program(
        op(0xBF, 6, 1),
        op(0x61, 7, 1, 0),
        op(0x85, 0, 1, 0, 2),
        op(0x71, 0, 7),
        EXIT,
        op(0xB7, 2, imm=4),
        op(0x85, 0, 0, 0, 44),
        EXIT,
        functions=(0, 5),
    )
    with pytest.raises(MachineFault, match=r"read of 1 bytes at .* where nothing is"):
        run(code, machine)


@pytest.mark.parametrize("machine", ENGINES)
def test_a_short_packet_is_no_reason_to_read_on(machine: str) -> None:
    """The checks do not know how far the packet reaches once another function ran."""
    code = program(
        op(0xBF, 6, 1),
        op(0x85, 0, 1, 0, 3),
        op(0x61, 2, 6, 0),
        op(0x71, 0, 2, 63),
        EXIT,
        ZERO,
        EXIT,
        functions=(0, 5),
    )
    executable = load(code, {}, engine=machine)
    assert executable.run(Context(frame_64()), Recorder()) == 63
    with pytest.raises(MachineFault, match="offset 63 of the packet, which has 20 bytes"):
        executable.run(Context(Frame.of(bytes(20))), Recorder())


@pytest.mark.parametrize("machine", ENGINES)
def test_a_device_entry_cannot_be_written(machine: str) -> None:
    """Through a pointer that two maps may have given, which the checks do not follow."""
    devmap, hash = make_map(14, 4, 4, 4), make_map(1, 4, 4, 4)
    code = program(
        op(0x62, 10, 0, -4, 0),
        op(0xBF, 2, 10),
        op(0x07, 2, imm=-4 & 0xFFFFFFFF),
        *wide(1, 0),
        op(0x61, 6, 1 + 9, -4),
        op(0x15, 6, 0, 2, 0),
        *wide(1, 0),
        op(0x85, 0, 0, 0, 1),
        op(0x15, 0, 0, 1, 0),
        op(0x62, 0, 0, 0, 5),
        ZERO,
        EXIT,
        references={3: Reference("devmap", None), 7: Reference("hash", None)},
    )
    # The slot is known to be 0, so ask the engines without the checks.
    said = outcome(code, machine, {"devmap": devmap, "hash": hash})
    assert said.startswith("write of 4 bytes into a map value, which is read-only")


SOURCE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(key_size, 4); __uint(value_size, 4);
         __uint(max_entries, 1); } numbers SEC(".maps");
SEC("xdp") int p(struct xdp_md *ctx)
{
    __u32 key = 0, *value = bpf_map_lookup_elem(&numbers, &key);
    if (!value)
        return XDP_DROP;
    return value[ctx->ingress_ifindex];
}
"""


@pytest.mark.parametrize("machine", ENGINES)
def test_a_fault_names_its_source_line(compile_bpf: CompileBpf, machine: str) -> None:
    executable, _ = load_object(compile_bpf(SOURCE, "named"), "p", machine)
    assert executable.run(Context(frame_64(), 0), Recorder()) == 0
    with pytest.raises(MachineFault) as fault:
        executable.run(Context(frame_64(), 1), Recorder())
    line = SOURCE[: SOURCE.index("return value[")].count("\n") + 1
    said = str(fault.value)
    assert f":{line}: read of 4 bytes at offset 4 of a map value, which has 4 bytes at" in said
    assert said.endswith(", in: return value[ctx->ingress_ifindex];")
