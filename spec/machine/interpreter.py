# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Executes a program one instruction at a time: the readable statement of what BPF code means.

Follows RFC 9669 and ``kernel/bpf/core.c: ___bpf_prog_run``. The translator does the same faster.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from spec.machine.arithmetic import (
    BINARY,
    COMPARE,
    byte_swap,
    signed,
    signed_divide,
    signed_modulo,
)
from spec.machine.fault import BUDGET, MachineFault, TooManyFunctions, Trap
from spec.machine.helpers import HELPERS, LOOP, TAIL_CALL, loop, tail_call
from spec.machine.instruction import (
    ADD,
    ALU,
    ALU64,
    AND,
    ATOMIC,
    CALL_OPCODE,
    CALL_PROGRAM,
    CMPXCHG,
    DIV,
    END,
    EXIT_OPCODE,
    FETCH,
    GOTO,
    GOTO_LONG,
    JMP,
    JMP32,
    LDX,
    LOAD_ACQUIRE,
    LOAD_IMMEDIATE,
    MASK64,
    MEMSX,
    MOD,
    MOV,
    NEG,
    OR,
    ST,
    STORE_RELEASE,
    XCHG,
    XOR,
    Instruction,
    X,
    jump_target,
)
from spec.machine.memory import SHIFT, STACK, STACK_SIZE, Memory

if TYPE_CHECKING:
    from spec.machine.executable import Executable
    from spec.machine.host import TailTarget

R0, R1, R2, R3, R4, R5, R10 = 0, 1, 2, 3, 4, 5, 10


def interpret(
    executable: Executable, memory: Memory, arguments: tuple[int, ...], start: int = 0
) -> int:
    """Run the function at instruction *start* to its exit and give back r0.

    *arguments* are r1 to r5. A function that it calls is interpreted by a call of this function.
    """
    activation = _Activation(executable, memory)
    result = activation.run(arguments, start)
    # A tail call takes the place of the function that made it.
    return activation.target.executable.enter(memory) if activation.target else result


class _Activation:
    """One active function: its registers and its stack."""

    def __init__(self, executable: Executable, memory: Memory) -> None:
        self.executable, self.memory = executable, memory
        self.registers = [0] * 11
        self.target: TailTarget | None = None

    def run(self, arguments: tuple[int, ...], start: int) -> int:
        memory, code = self.memory, self.executable.code
        index = start
        try:
            if memory.depth >= memory.limit:
                raise TooManyFunctions
            stack = STACK + 2 * memory.depth
            memory.regions[stack] = bytearray(STACK_SIZE)
            memory.depth += 1
            self.registers[R1 : R5 + 1] = arguments
            self.registers[R10] = (stack << SHIFT) + STACK_SIZE
            while code[index].opcode != EXIT_OPCODE:
                memory.executed += 1
                if memory.watch is not None:
                    memory.watch(self.executable, index, self.registers)
                following = self.step(index, code[index])
                if following is None:
                    break
                if following <= index:
                    memory.check_budget(BUDGET)
                index = following
            else:
                memory.executed += 1
                if memory.watch is not None:
                    memory.watch(self.executable, index, self.registers)
            return self.registers[R0]
        except Trap as trap:
            raise MachineFault(
                str(trap), index, code[index], self.executable.program.lines.get(index)
            ) from None
        finally:
            memory.depth -= 1

    def step(self, index: int, instruction: Instruction) -> int | None:
        """Execute one instruction; where to go on, or None when a tail call ended the function."""
        kind = instruction.kind
        if kind in (ALU, ALU64):
            self.compute(instruction)
        elif kind in (JMP, JMP32):
            return self.jump(index, instruction)
        elif instruction.opcode == LOAD_IMMEDIATE:
            self.registers[instruction.dst] = self.executable.immediates[index]
            return index + 2
        elif kind == LDX:
            self.load(instruction)
        elif instruction.mode == ATOMIC:
            self.atomic(instruction)
        else:
            self.store(instruction)
        return index + 1

    def compute(self, instruction: Instruction) -> None:
        """ALU and ALU64: the result of a 32-bit operation is zero-extended."""
        dst, offset = instruction.dst, instruction.offset
        bits = 64 if instruction.kind == ALU64 else 32
        left = self.registers[dst] & (1 << bits) - 1
        operation = instruction.operation
        if operation == END:
            self.registers[dst] = self.swap(instruction)
            return
        right = self.operand(instruction, bits)
        if operation == NEG:
            result = -left
        elif operation == MOV:
            result = signed(right, offset) if offset else right
        elif operation == DIV and offset:
            result = signed_divide(left, right, bits)
        elif operation == MOD and offset:
            result = signed_modulo(left, right, bits)
        else:
            result = BINARY[operation](left, right, bits)
        self.registers[dst] = result & (1 << bits) - 1

    def operand(self, instruction: Instruction, bits: int) -> int:
        """The second operand: a register, or the sign-extended immediate."""
        value = self.registers[instruction.src] if instruction.opcode & X else instruction.imm
        return value & (1 << bits) - 1

    def swap(self, instruction: Instruction) -> int:
        """``bswap`` always swaps; ``be`` and ``le`` only where that is not the machine's order."""
        value, bits = self.registers[instruction.dst], instruction.imm
        wanted = "big" if instruction.opcode & X else "little"
        if instruction.kind == ALU64 or wanted != sys.byteorder:
            return byte_swap(value, bits)
        return value & (1 << bits) - 1

    def jump(self, index: int, instruction: Instruction) -> int | None:
        """JMP and JMP32: jumps, calls."""
        if instruction.opcode == CALL_OPCODE:
            return self.call(index, instruction)
        target = jump_target(index, instruction)
        if instruction.opcode in (GOTO, GOTO_LONG):
            return target
        bits = 64 if instruction.kind == JMP else 32
        left = self.registers[instruction.dst] & (1 << bits) - 1
        right = self.operand(instruction, bits)
        taken = COMPARE[instruction.operation](left, right, bits)
        return target if taken else index + 1

    def call(self, index: int, instruction: Instruction) -> int | None:
        """A function of the program, a helper, or a tail call, which does not come back."""
        registers, memory = self.registers, self.memory
        arguments = tuple(registers[R1 : R5 + 1])
        if instruction.src == CALL_PROGRAM:
            memory.check_budget(BUDGET)
            start = index + 1 + instruction.imm
            registers[R0] = interpret(self.executable, memory, arguments, start)
        elif instruction.imm == TAIL_CALL:
            self.target = tail_call(memory, registers[R2], registers[R3])
            if self.target is not None:
                return None
            registers[R0] = HELPERS[TAIL_CALL].function(memory, *arguments) & MASK64
        elif instruction.imm == LOOP:
            registers[R0] = loop(memory, self.executable, *arguments) & MASK64
        else:
            registers[R0] = HELPERS[instruction.imm].function(memory, *arguments) & MASK64
        return index + 1

    def load(self, instruction: Instruction) -> None:
        """LDX: zero-extended, or sign-extended by MEMSX."""
        address = (self.registers[instruction.src] + instruction.offset) & MASK64
        value = self.memory.load(address, instruction.size)
        if instruction.mode == MEMSX:
            value = signed(value, 8 * instruction.size) & MASK64
        self.registers[instruction.dst] = value

    def store(self, instruction: Instruction) -> None:
        """ST stores the immediate, STX a register."""
        address = (self.registers[instruction.dst] + instruction.offset) & MASK64
        is_immediate = instruction.kind == ST
        value = instruction.imm if is_immediate else self.registers[instruction.src]
        self.memory.store(address, instruction.size, value)

    def atomic(self, instruction: Instruction) -> None:
        """Atomic operations; those that fetch leave the old value in the source register or r0."""
        registers, memory, size = self.registers, self.memory, instruction.size
        operation, src = instruction.imm, instruction.src
        mask = (1 << 8 * size) - 1
        if operation == LOAD_ACQUIRE:
            source = (registers[src] + instruction.offset) & MASK64
            registers[instruction.dst] = memory.load(source, size)
            return
        address = (registers[instruction.dst] + instruction.offset) & MASK64
        value = registers[src] & mask
        if operation == STORE_RELEASE:
            memory.store(address, size, value)
            return
        old = memory.load(address, size)
        if operation == CMPXCHG:
            memory.store(address, size, value if old == registers[R0] & mask else old)
            registers[R0] = old
            return
        memory.store(address, size, ATOMIC_RESULT[operation & ~FETCH & 0xFF](old, value))
        if operation & FETCH:
            registers[src] = old


ATOMIC_RESULT: dict[int, Callable[[int, int], int]] = {
    ADD: lambda old, value: old + value,
    OR: lambda old, value: old | value,
    AND: lambda old, value: old & value,
    XOR: lambda old, value: old ^ value,
    XCHG & ~FETCH: lambda _, value: value,
}
"""What an atomic operation leaves in memory."""
