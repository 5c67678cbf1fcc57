# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Refuses code that is not well-formed: opcodes, reserved fields, jumps, ends of functions.

Mirrors ``kernel/bpf/verifier.c: check_subprogs, check_cfg, check_alu_op, do_check_insn``.
"""

from __future__ import annotations

from collections.abc import Sequence
from errno import E2BIG, EACCES, EINVAL
from typing import TypeAlias

from spec.machine.instruction import (
    ABS,
    ALU,
    ALU64,
    ARSH,
    ATOMIC,
    ATOMIC_OPERATIONS,
    CALL_OPCODE,
    CALL_PROGRAM,
    DIV,
    DW,
    END,
    EXIT_OPCODE,
    GOTO,
    GOTO_LONG,
    IND,
    JA,
    JMP,
    JMP32,
    JSLE,
    LD,
    LDX,
    LOAD_ACQUIRE,
    LOAD_IMMEDIATE,
    LSH,
    MEM,
    MEMSX,
    MOD,
    MOV,
    NEG,
    PSEUDO_FUNC,
    RSH,
    ST,
    STORE_RELEASE,
    STX,
    B,
    H,
    Instruction,
    X,
    jump_target,
)
from spec.machine.program import ProgramCode
from spec.machine.refusal import refused

Problem: TypeAlias = tuple[int, str]
"""Errno and the verifier's sentence."""

FRAME_POINTER = 10

NO_END = "last insn is not an exit or jmp"
EVERYWHERE = ("unknown opcode", "BPF_LDX uses reserved fields")
"""What is refused even where control never comes (``resolve_pseudo_ldimm64``)."""


def check_form(program: ProgramCode) -> None:
    """Raise ``KernelError`` for what is wrong wherever it stands: opcodes, jumps, wide numbers."""
    if not program.code:
        raise refused(E2BIG, "", program, 0)
    second_halves = _wide(program)
    for function in program.functions:
        _check_jumps(program, function.start, program.end_of(function.start), second_halves)
    for index, problem in malformed(program.code).items():
        if index not in second_halves and problem[1].startswith(EVERYWHERE):
            raise refused(problem[0], problem[1], program, index)


def malformed(code: Sequence[Instruction]) -> dict[int, Problem]:
    """What is wrong with instructions by themselves, by their index.

    The verifier sees it when it gets there, and never where it does not.
    """
    return {
        index: problem
        for index, instruction in enumerate(code)
        if (problem := _problem_of(instruction))
    }


def check_values(program: ProgramCode, index: int) -> None:
    """Raise what the verifier says after it has seen that registers may be read."""
    instruction = program.code[index]
    problem = _value_problem(instruction)
    if not problem and instruction.dst == FRAME_POINTER and _sets_register(instruction):
        problem = EACCES, "frame pointer is read only"
    if problem:
        raise refused(problem[0], problem[1], program, index)


def _wide(program: ProgramCode) -> set[int]:
    """Indices of the second slots of ``LOAD_IMMEDIATE``."""
    code, found = program.code, set[int]()
    for index, instruction in enumerate(code):
        if index in found or instruction.opcode != LOAD_IMMEDIATE:
            continue
        if index + 1 == len(code):
            raise refused(EINVAL, NO_END, program, index)
        if code[index + 1][:4] != (0, 0, 0, 0):
            raise refused(EINVAL, "invalid bpf_ld_imm64 insn", program, index)
        if instruction.src not in (0, PSEUDO_FUNC) and index not in program.references:
            raise refused(EINVAL, "unrecognized bpf_ld_imm64 insn", program, index)
        found.add(index + 1)
    return found


def _check_jumps(program: ProgramCode, start: int, end: int, second_halves: set[int]) -> None:
    code, starts = program.code, {function.start for function in program.functions}
    last = code[end - 1]
    if last.opcode not in (EXIT_OPCODE, GOTO, GOTO_LONG) or end - 1 in second_halves:
        raise refused(EINVAL, NO_END, program, end - 1)
    for index in range(start, end):
        instruction = code[index]
        if index in second_halves:
            continue
        is_call = instruction.opcode == CALL_OPCODE and instruction.src == CALL_PROGRAM
        if is_call and index + 1 + instruction.imm not in starts:
            raise refused(EINVAL, "call to invalid destination", program, index)
        if not _jumps(instruction):
            continue
        target = jump_target(index, instruction)
        if not start <= target < end:
            reason = f"jump out of range from insn {index} to {target}"
            raise refused(EINVAL, reason, program, index)
        if target in second_halves:
            reason = f"jump into the middle of ldimm64 insn {target - 1}"
            raise refused(EINVAL, reason, program, index)
    _check_reached(program, start, end, second_halves)


def _jumps(instruction: Instruction) -> bool:
    return instruction.kind in (JMP, JMP32) and instruction.opcode not in (
        CALL_OPCODE,
        EXIT_OPCODE,
    )


def _check_reached(program: ProgramCode, start: int, end: int, second_halves: set[int]) -> None:
    """Every instruction can be reached (``check_cfg``)."""
    reached, todo = set[int](), [start]
    while todo:
        index = todo.pop()
        if index in reached or index >= end:
            continue
        reached.add(index)
        instruction = program.code[index]
        if instruction.opcode == EXIT_OPCODE:
            continue
        if _jumps(instruction):
            todo.append(jump_target(index, instruction))
            if instruction.opcode in (GOTO, GOTO_LONG):
                continue
        todo.append(index + 2 if instruction.opcode == LOAD_IMMEDIATE else index + 1)
    for index in range(start, end):
        if index not in reached and index not in second_halves:
            raise refused(EINVAL, f"unreachable insn {index}", program, index)


def _problem_of(instruction: Instruction) -> Problem | None:
    """What is wrong with the instruction by itself."""
    for number in (instruction.dst, instruction.src):
        if number > FRAME_POINTER:
            return EINVAL, f"R{number} is invalid"
    if instruction.kind in (ALU, ALU64):
        return _alu_problem(instruction)
    if instruction.kind in (JMP, JMP32):
        return _jump_problem(instruction)
    if instruction.opcode == LOAD_IMMEDIATE:
        if instruction.offset:
            return EINVAL, "BPF_LD_IMM64 uses reserved fields"
        return None
    return _memory_problem(instruction)


def _sets_register(instruction: Instruction) -> bool:
    kind = instruction.kind
    return kind in (ALU, ALU64, LDX) or instruction.opcode == LOAD_IMMEDIATE


def _value_problem(instruction: Instruction) -> Problem | None:
    """Division by a zero that is written there, and shifts by too many bits."""
    if instruction.kind not in (ALU, ALU64) or instruction.opcode & X:
        return None
    operation, imm, bits = instruction.operation, instruction.imm, 64
    if instruction.kind == ALU:
        bits = 32
    if operation in (DIV, MOD) and imm == 0:
        return EINVAL, "div by zero"
    if operation in (LSH, RSH, ARSH) and not 0 <= imm < bits:
        return EINVAL, f"invalid shift {imm}"
    return None


def _alu_problem(instruction: Instruction) -> Problem | None:
    opcode, _, src, offset, imm = instruction
    operation, is_wide = instruction.operation, instruction.kind == ALU64
    from_register = bool(opcode & X)
    if operation > END or (from_register and (operation == NEG or (operation == END and is_wide))):
        return EINVAL, f"unknown opcode {opcode:02x}"
    if operation == NEG:
        if src or offset or imm:
            return EINVAL, "BPF_NEG uses reserved fields"
    elif operation == END:
        if src or offset or imm not in (16, 32, 64):
            return EINVAL, "BPF_END uses reserved fields"
    elif operation == MOV:
        widths = (0, 8, 16, 32) if is_wide else (0, 8, 16)
        if (from_register and (imm or offset not in widths)) or (
            not from_register and (src or offset)
        ):
            return EINVAL, "BPF_MOV uses reserved fields"
    else:
        offsets = (0, 1) if operation in (DIV, MOD) else (0,)
        if offset not in offsets or (imm if from_register else src):
            return EINVAL, "BPF_ALU uses reserved fields"
    return None


def _jump_problem(instruction: Instruction) -> Problem | None:
    opcode, dst, src, offset, imm = instruction
    if opcode == CALL_OPCODE:
        if dst or src not in (0, CALL_PROGRAM) or offset:
            return EINVAL, "BPF_CALL uses reserved fields"
    elif opcode in (GOTO, GOTO_LONG):
        if dst or src or (offset if opcode == GOTO_LONG else imm):
            return EINVAL, "BPF_JA uses reserved fields"
    elif opcode == EXIT_OPCODE:
        if dst or src or imm:
            return EINVAL, "BPF_EXIT uses reserved fields"
    elif (
        instruction.operation in (JA, CALL_OPCODE & 0xF0, EXIT_OPCODE & 0xF0)
        or instruction.operation > JSLE
    ):
        return EINVAL, f"unknown opcode {opcode:02x}"
    elif imm if opcode & X else src:
        return EINVAL, "BPF_JMP/JMP32 uses reserved fields"
    return None


def _memory_problem(instruction: Instruction) -> Problem | None:
    opcode, _, src, _, imm = instruction
    kind, mode, width = instruction.kind, instruction.mode, opcode & 0x18
    if kind == LDX and (imm or mode not in (MEM, MEMSX)):
        return EINVAL, "BPF_LDX uses reserved fields"
    if kind == LDX and (mode == MEM or width != DW):
        return None
    if kind == LD and mode in (ABS, IND):
        return EINVAL, "BPF_LD_[ABS|IND] instructions not allowed for this program type"
    if kind == ST and mode == MEM:
        return (EINVAL, "BPF_ST uses reserved fields") if src else None
    if kind == STX and mode == MEM:
        return (EINVAL, "BPF_STX uses reserved fields") if imm else None
    if kind == STX and mode == ATOMIC:
        if imm not in ATOMIC_OPERATIONS:
            return EINVAL, f"BPF_ATOMIC uses invalid atomic opcode {imm:02x}"
        if width in (B, H) and imm not in (LOAD_ACQUIRE, STORE_RELEASE):
            return EINVAL, "invalid atomic operand size"
        return None
    return EINVAL, f"unknown opcode {opcode:02x}"
