# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs made up at random come to the same end in the interpreter and in the translation."""

from __future__ import annotations

from random import Random

import pytest

from spec.machine.instruction import Instruction
from spec.testing.differential.programs.assembly import EXIT, op, wide
from tests.machine_programs import outcome, program

ALU_OPERATIONS = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xA0, 0xB0, 0xC0]
JUMPS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xA0, 0xB0, 0xC0, 0xD0]
NUMBERS = [0, 1, 2, 7, 31, 63, 255, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
END_LENGTH = 17
"""Instructions that gather the registers into r0 and exit."""
FREE = range(9)
"""Registers that random instructions may change: r9 counts rounds, r10 is the frame pointer."""


def random_alu(random: Random) -> Instruction:
    operation, kind = random.choice(ALU_OPERATIONS), random.choice((4, 7))
    dst, src = random.choice(FREE), random.choice(FREE)
    if operation == 0x80:
        return op(operation | kind, dst)
    if random.random() < 0.1:
        bits = random.choice((16, 32, 64))
        return op(random.choice((0xD4, 0xDC, 0xD7)), dst, 0, 0, bits)
    is_signed = int(operation in (0x30, 0x90) and random.random() < 0.5)
    if random.random() < 0.5:
        if operation == 0xB0:
            widths = (0, 0, 8, 16, 32) if kind == 7 else (0, 8, 16)
            return op(operation | kind | 8, dst, src, random.choice(widths))
        return op(operation | kind | 8, dst, src, is_signed)
    imm = random.choice(NUMBERS)
    if operation in (0x60, 0x70, 0xC0):
        imm = random.randrange(64 if kind == 7 else 32)
    if operation in (0x30, 0x90):
        imm = imm or 3
    return op(operation | kind, dst, 0, is_signed, imm)


def random_stack_access(random: Random) -> Instruction:
    """Slots -8 to -64 of the stack."""
    size = random.choice((0x00, 0x08, 0x10, 0x18))
    slot = -8 * random.randint(1, 8)
    register = random.choice(FREE)
    choice = random.random()
    if choice < 0.3:
        return op(0x63 | size, 10, register, slot)
    if choice < 0.4:
        return op(0x62 | size, 10, 0, slot, random.choice(NUMBERS))
    if choice < 0.7:
        return op(0x61 | size, register, 10, slot)
    if choice < 0.8 and size != 0x18:
        return op(0x81 | size, register, 10, slot)
    operation = random.choice((0, 1, 0x40, 0x41, 0x50, 0x51, 0xA0, 0xA1, 0xE1, 0xF1, 0x100, 0x110))
    if operation == 0x100:
        return op(0xC3 | random.choice((0, 0x18)), register, 10, slot, operation)
    return op(0xC3 | random.choice((0, 0x18)), 10, register, slot, operation)


def random_block(random: Random) -> list[Instruction]:
    block = []
    for _ in range(random.randint(0, 4)):
        maker = random_alu if random.random() < 0.7 else random_stack_access
        block.append(maker(random))
    return block


def random_program(random: Random, blocks: int, calls: bool) -> list[Instruction]:
    """Blocks that end by jumping anywhere at random; r9 ends it after some rounds.

    Each block begins with ``r9 -= 1; if r9 == 0 goto end``, and the end gathers all registers.
    With *calls*, some blocks call the function appended to the program.
    """
    bodies = [random_block(random) for _ in range(blocks)]
    has_call = [calls and random.random() < 0.3 for _ in range(blocks)]
    prologue: list[Instruction] = []
    for register in FREE:
        prologue += wide(register, random.getrandbits(64))
    prologue.append(op(0xB7, 9, imm=random.randint(2, 40)))
    for slot in range(1, 9):
        prologue.append(op(0x7B, 10, random.choice(FREE), -8 * slot))
    starts, position = [], len(prologue)
    for body, call in zip(bodies, has_call, strict=True):
        starts.append(position)
        position += 2 + len(body) + 6 * call + 2
    end = position
    code = prologue
    for body, call in zip(bodies, has_call, strict=True):
        code.append(op(0x17, 9, imm=1))
        code.append(op(0x15, 9, 0, end - len(code) - 1))
        code += body
        if call:
            target = end + END_LENGTH
            code.append(op(0x85, 0, 1, 0, target - len(code) - 1))
            # What a call leaves in r1 to r5 may not be read.
            code += [op(0xBF, register, 0) for register in range(1, 6)]
        jump = random.choice(JUMPS) | random.choice((5, 6))
        target = random.choice([*starts, end])
        if random.random() < 0.5:
            operand = op(jump | 8, random.choice(FREE), random.choice(FREE))
        else:
            operand = op(jump, random.choice(FREE), imm=random.choice(NUMBERS))
        code.append(operand._replace(offset=target - len(code) - 1))
        target = random.choice([*starts, end])
        if random.random() < 0.5:
            code.append(op(0x05, offset=target - len(code) - 1))
        else:
            code.append(op(0x06, imm=target - len(code) - 1))
    for register in range(1, 9):
        code += [op(0x67, 0, imm=7), op(0xAF, 0, register)]
    return [*code, EXIT]


CALLED = [op(0xBF, 0, 1), op(0xAF, 0, 2), op(0x25, 0, 0, 1, 9), op(0x07, 0, imm=1), EXIT]


@pytest.mark.parametrize("seed", range(150))
def test_both_engines_agree(seed: int) -> None:
    random = Random(seed)
    calls = random.random() < 0.4
    code = random_program(random, random.randint(1, 12), calls)
    functions = [0]
    if calls:
        functions.append(len(code))
        code += CALLED
    made = program(*code, functions=functions)
    assert outcome(made, "translator") == outcome(made, "interpreter")
