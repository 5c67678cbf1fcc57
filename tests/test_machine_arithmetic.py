# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Straight-line code computes the same on the model and on the live kernel."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from spec.lab import Lab
from spec.machine.instruction import Instruction
from spec.testing.differential.programs.assembly import EXIT, op, wide
from spec.testing.differential.programs.object_file import object_of
from tests.machine_programs import program, run
from tests.test_machine_random_programs import FREE, random_alu, random_stack_access

FRAME = bytes(range(64))


def straight_line(random: Random) -> list[Instruction]:
    """Every register and the upper stack filled, random operations, all of it gathered in r0."""
    code: list[Instruction] = []
    for register in FREE:
        code += wide(register, random.getrandbits(64))
    for slot in range(1, 9):
        code.append(op(0x7B, 10, random.choice(FREE), -8 * slot))
    for _ in range(60):
        maker = random_alu if random.random() < 0.7 else random_stack_access
        code.append(maker(random))
    for register in range(1, 9):
        code += [op(0x67, 0, imm=5), op(0xAF, 0, register)]
        code += [op(0x79, 1, 10, -8 * register), op(0x67, 0, imm=3), op(0xAF, 0, 1)]
    fold = [op(0xBF, 1, 0), op(0x77, 1, imm=32), op(0xAF, 0, 1)]
    return [*code, *fold, EXIT]


@pytest.mark.parametrize("seed", range(12))
def test_random_operations_give_what_the_interpreter_gives(
    lab: Lab, seed: int, tmp_path: Path
) -> None:
    code = straight_line(Random(seed))
    path = tmp_path / "straight.bpf.o"
    path.write_bytes(object_of(code))
    with lab.load(path) as loaded:
        result = loaded.programs["program"].test_run(FRAME)
    assert int(result.retval) == run(program(*code), "interpreter")
