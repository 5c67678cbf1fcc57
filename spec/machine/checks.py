# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What loading refuses, with the errno and the decisive line of the kernel's verifier.

This is no verifier. It refuses malformed code (``form.py``), calls that a map or a helper does not
allow (``call_checks.py``), and accesses to context, packet and values that are wrong whichever way
control came (``access_checks.py``). Whatever else a program does wrong ends its run with a
``MachineFault``. Mirrors parts of ``kernel/bpf/verifier.c``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from errno import EACCES

from spec.machine.access_checks import check_access
from spec.machine.call_checks import check_call
from spec.machine.effect import operand
from spec.machine.flow import Flow
from spec.machine.form import FRAME_POINTER, check_form, check_values
from spec.machine.host import ProgramMap
from spec.machine.instruction import (
    ADD,
    ALU,
    ALU64,
    ATOMIC,
    CALL_OPCODE,
    CALL_PROGRAM,
    END,
    EXIT_OPCODE,
    GOTO,
    GOTO_LONG,
    JMP,
    JMP32,
    LDX,
    LOAD_ACQUIRE,
    LOAD_IMMEDIATE,
    MOV,
    ST,
    STX,
    SUB,
    Instruction,
    X,
)
from spec.machine.kinds import END as PACKET_END
from spec.machine.kinds import SCALAR, UNKNOWN, UNSET, State
from spec.machine.program import ProgramCode
from spec.machine.refusal import refused


def check(program: ProgramCode, maps: Mapping[str, ProgramMap], release: str) -> Flow:
    """Raise ``KernelError`` if *release* would not load *program* with *maps*.

    Gives back what was learnt about the program, which the translator can use.
    """
    check_form(program)
    flow = Flow(program, maps)
    for index in _walk(program, flow):
        instruction, state = program.code[index], flow.before[index]
        if state.given:
            continue  # the verifier may know that control never comes here
        if _may_be_unset(instruction, state):
            continue  # which fault comes first depends on that
        if _compares(instruction):
            # A jump's first operand comes before the rest of the instruction.
            _check_registers(program, index, state, [instruction.dst])
        if index in flow.malformed:
            raise refused(*flow.malformed[index], program, index)
        _check_read(program, index, instruction, state)
        check_values(program, index)
        _check_end_pointer(program, index, instruction, state)
        if instruction.opcode == CALL_OPCODE and instruction.src != CALL_PROGRAM:
            check_call(program, maps, release, index, state)
        elif instruction.kind in (LDX, ST, STX):
            check_access(program, maps, index, state)
    return flow


def _walk(program: ProgramCode, flow: Flow) -> Iterator[int]:
    """What the verifier looks at, in its order (``do_check``): of two faults the first counts.

    It goes straight on where it can and comes back for jumps, last things first; a function is
    entered where it is called.
    """
    seen, waiting = set[int](), [0]
    while waiting:
        index = waiting.pop()
        if index in seen or index not in flow.before:
            continue
        seen.add(index)
        yield index
        instruction = program.code[index]
        waiting += reversed(flow.after.get(index, []))
        if instruction.opcode == CALL_OPCODE and instruction.src == CALL_PROGRAM:
            waiting.append(index + 1 + instruction.imm)
    yield from sorted(flow.before.keys() - seen)


def _check_read(program: ProgramCode, index: int, instruction: Instruction, state: State) -> None:
    is_result = index < program.end_of(0)  # only the program itself must return something
    if instruction.opcode != EXIT_OPCODE or is_result:
        _check_registers(program, index, state, _reads(instruction))


def _may_be_unset(instruction: Instruction, state: State) -> bool:
    """Whether the instruction computes or compares with a register that nothing is known of."""
    if instruction.kind not in (ALU, ALU64, JMP, JMP32) or instruction.opcode == EXIT_OPCODE:
        return False
    numbers = (number for number in _reads(instruction) if number <= FRAME_POINTER)
    return any(state.registers[number].kind == UNKNOWN for number in numbers)


def _compares(instruction: Instruction) -> bool:
    """Whether it is a jump under a condition."""
    others = (EXIT_OPCODE, CALL_OPCODE, GOTO, GOTO_LONG)
    return instruction.kind in (JMP, JMP32) and instruction.opcode not in others


def _check_registers(
    program: ProgramCode, index: int, state: State, numbers: Iterable[int]
) -> None:
    for number in numbers:
        if number <= FRAME_POINTER and state.registers[number].kind == UNSET:
            raise refused(EACCES, f"R{number} !read_ok", program, index)


def _check_end_pointer(
    program: ProgramCode, index: int, instruction: Instruction, state: State
) -> None:
    """The end of the packet is there to be compared with (``adjust_ptr_min_max_vals``)."""
    if instruction.kind != ALU64 or instruction.operation not in (ADD, SUB):
        return
    kinds = state.registers[instruction.dst].kind, operand(instruction, state).kind
    if kinds in ((PACKET_END, SCALAR), (SCALAR, PACKET_END)):
        reason = f"R{instruction.dst} pointer arithmetic on pkt_end prohibited"
        raise refused(EACCES, reason, program, index)


def _reads(instruction: Instruction) -> tuple[int, ...]:
    """Registers whose content the instruction needs, as the verifier asks for them."""
    opcode, dst, src, _, imm = instruction
    kind, operation = instruction.kind, instruction.operation
    if opcode == EXIT_OPCODE:
        return (0,)
    if opcode in (LOAD_IMMEDIATE, CALL_OPCODE, GOTO, GOTO_LONG):
        return ()
    if kind in (ALU, ALU64):
        if operation == END:
            return (dst,)
        second = (src,) if opcode & X else ()
        return second if operation == MOV else (*second, dst)
    if kind in (JMP, JMP32):
        return (src, dst) if opcode & X else (dst,)
    if kind == LDX:
        return (src,)
    if kind == STX and instruction.mode == ATOMIC and imm == LOAD_ACQUIRE:
        return (src,)
    return (dst,) if kind == ST else (src, dst)
