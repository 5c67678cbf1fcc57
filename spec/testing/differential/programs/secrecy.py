# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whether a program lets addresses show, or memory that nobody wrote: no two engines agree there.

What the generator writes never does, but what is left of it when a failure is made small may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from spec.errors import KernelError
from spec.machine.flow import Flow
from spec.machine.form import check_form
from spec.machine.helpers import HELPERS
from spec.machine.host import ProgramMap
from spec.machine.instruction import (
    ADD,
    ALU,
    ALU64,
    ATOMIC,
    CALL_OPCODE,
    CALL_PROGRAM,
    EXIT_OPCODE,
    GOTO,
    GOTO_LONG,
    JEQ,
    JMP,
    JMP32,
    JNE,
    LDX,
    LOAD_ACQUIRE,
    MEM,
    MOV,
    ST,
    STX,
    SUB,
    Instruction,
    X,
)
from spec.machine.instruction import END as BYTES
from spec.machine.kinds import END, META, PACKET, SCALAR, STACK, UNKNOWN, UNSET, Content, State
from spec.machine.memory import STACK_SIZE
from spec.machine.object import parse_object
from spec.machine.program import ProgramCode
from spec.testing.differential.programs.case import Case

_PACKET_KINDS = {PACKET, META, END}


def keeps_secrets(case: Case) -> bool:
    """Whether nothing that *case* shows depends on addresses or on memory left over."""
    shapes = {each.shape.name: each.shape for each in case.maps}
    for program in parse_object(case.object(), "case").programs:
        try:
            check_form(program)
        except KernelError:
            return False
        written = _written(program)
        flow = Flow(program, cast("Mapping[str, ProgramMap]", shapes))  # types and sizes will do
        for index, state in flow.before.items():
            instruction = program.code[index]
            # What a function leaves in r0 is of interest if its caller reads it.
            is_result = index < program.end_of(0) or instruction.opcode != EXIT_OPCODE
            if is_result and _shows(instruction, state, written):
                return False
    return True


def _is_pointer(content: Content) -> bool:
    return content.kind not in (SCALAR, UNKNOWN, UNSET)


def _written(program: ProgramCode) -> range:
    """Slots of the stack, from the lowest on, that any instruction may have written."""
    passes_memory = any(each.opcode == CALL_OPCODE for each in program.code)
    stores = [each.offset for each in program.code if each.kind in (ST, STX)]
    lowest = -STACK_SIZE if passes_memory else min(stores, default=0)
    return range(lowest, 0)


def _shows(instruction: Instruction, state: State, written: range) -> bool:
    kind, registers = instruction.kind, state.registers
    if instruction.opcode == EXIT_OPCODE:
        return _is_pointer(registers[0])
    if instruction.opcode == CALL_OPCODE:
        return _passes_pointer(instruction, state)
    left = registers[instruction.dst]
    right = registers[instruction.src] if instruction.opcode & X else Content(SCALAR, 0)
    if kind in (JMP, JMP32) and instruction.opcode not in (GOTO, GOTO_LONG):
        return _compares(instruction, left, right)
    if kind in (ALU, ALU64):
        return _computes(instruction, left, right)
    if kind == LDX and instruction.mode == MEM:
        return _reads_nothing(instruction, registers[instruction.src], state, written)
    if kind == STX and instruction.mode == ATOMIC and instruction.imm == LOAD_ACQUIRE:
        return _reads_nothing(instruction, registers[instruction.src], state, written)
    if kind == STX and _is_pointer(registers[instruction.src]):
        return instruction.mode == ATOMIC or left.kind != STACK
    return False


def _passes_pointer(instruction: Instruction, state: State) -> bool:
    if instruction.src == CALL_PROGRAM or instruction.imm not in HELPERS:
        return False
    letters = enumerate(HELPERS[instruction.imm].arguments, 1)
    return any(letter in "ns" and _is_pointer(state.registers[n]) for n, letter in letters)


def _compares(instruction: Instruction, left: Content, right: Content) -> bool:
    if UNKNOWN in (left.kind, right.kind) or not (_is_pointer(left) or _is_pointer(right)):
        return False
    if left.kind in _PACKET_KINDS and right.kind in _PACKET_KINDS:
        return False
    is_test = instruction.operation in (JEQ, JNE) and not instruction.opcode & X
    return not is_test or instruction.imm != 0


def _computes(instruction: Instruction, left: Content, right: Content) -> bool:
    if instruction.operation == BYTES:
        return _is_pointer(left)
    if instruction.operation == MOV:
        is_copy = instruction.kind == ALU64 and not instruction.offset
        return _is_pointer(right) and not is_copy
    if not _is_pointer(left) and not _is_pointer(right):
        return False
    if instruction.kind == ALU or instruction.operation not in (ADD, SUB):
        return True
    return _is_pointer(left) and _is_pointer(right) and left.kind not in _PACKET_KINDS


def _reads_nothing(instruction: Instruction, base: Content, state: State, written: range) -> bool:
    """A load from a place of the stack that nothing is known of, and that nobody may know."""
    if base.kind != STACK or base.offset is None:
        return False
    start = base.offset + instruction.offset
    end = start + instruction.size
    if any(slot < end and start < slot + size for slot, size in state.stack):
        return False
    return start not in written
