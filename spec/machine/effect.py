# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What arithmetic does to what is known about registers."""

from __future__ import annotations

from spec.machine.arithmetic import BINARY, signed
from spec.machine.instruction import (
    ADD,
    ALU64,
    DIV,
    END,
    MASK64,
    MOD,
    MOV,
    NEG,
    SUB,
    Instruction,
    X,
)
from spec.machine.kinds import ANYTHING, NUMBER, SCALAR, UNKNOWN, Content, State


def operand(instruction: Instruction, state: State) -> Content:
    """The second operand of an ALU or JMP instruction."""
    if instruction.opcode & X:
        return state.registers[instruction.src]
    return Content(SCALAR, instruction.imm & MASK64)


def compute(instruction: Instruction, state: State) -> Content:
    """What an ALU instruction leaves in its destination."""
    operation, offset = instruction.operation, instruction.offset
    bits = 64 if instruction.kind == ALU64 else 32
    mask = (1 << bits) - 1
    left, right = state.registers[instruction.dst], operand(instruction, state)
    if operation in (NEG, END):
        return NUMBER
    if operation == MOV:
        if right.kind == SCALAR:
            if right.offset is None:
                return NUMBER
            value = signed(right.offset, offset) if offset else right.offset
            return Content(SCALAR, value & mask)
        return right if bits == 64 and not offset else ANYTHING
    if left.kind == right.kind == SCALAR:
        if left.offset is None or right.offset is None or (operation in (DIV, MOD) and offset):
            return NUMBER
        return Content(
            SCALAR, BINARY[operation](left.offset & mask, right.offset & mask, bits) & mask
        )
    if bits == 32 or operation not in (ADD, SUB):
        return ANYTHING
    if operation == ADD and left.kind == SCALAR:
        left, right = right, left
    if right.kind == SCALAR and left.kind not in (UNKNOWN, "") and left.maybe_null is None:
        if left.offset is None or right.offset is None:
            return left._replace(offset=None)
        distance = signed(right.offset, 64)
        return left._replace(offset=left.offset + (distance if operation == ADD else -distance))
    if operation == SUB and left.kind == right.kind and left.kind != UNKNOWN:
        return NUMBER
    return ANYTHING
