# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Follows a program's data forward until nothing new is learnt about any instruction.

Where ways meet, only what they agree on is kept, so that what is known holds however control got
there. Branches whose outcome is known are not followed, as ``verifier.c: is_branch_taken``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from spec.machine.arithmetic import COMPARE
from spec.machine.effect import compute, operand
from spec.machine.form import malformed
from spec.machine.helpers import CHANGES_PACKET, HELPERS, LOOKUP, LOOP
from spec.machine.host import ProgramMap
from spec.machine.instruction import (
    ALU,
    ALU64,
    ATOMIC,
    CALL_OPCODE,
    CALL_PROGRAM,
    CMPXCHG,
    DW,
    EXIT_OPCODE,
    FETCH,
    GOTO,
    GOTO_LONG,
    JMP,
    LDX,
    LOAD_ACQUIRE,
    LOAD_IMMEDIATE,
    MASK32,
    MEM,
    MOV,
    PSEUDO_FUNC,
    ST,
    STORE_RELEASE,
    STX,
    Instruction,
    X,
    jump_target,
)
from spec.machine.kinds import (
    ANYTHING,
    CONTEXT,
    MAP,
    META,
    NOTHING,
    NUMBER,
    PACKET,
    RECORD,
    SCALAR,
    SOCKET,
    STACK,
    UNKNOWN,
    VALUE,
    Content,
    Given,
    State,
)
from spec.machine.kinds import END as PACKET_END
from spec.machine.narrow import goes_either_way, link, narrow
from spec.machine.program import ProgramCode
from spec.uapi import MAPS_OF_MAPS, MapType

DATA, DATA_END, DATA_META = 0, 4, 8

WRITES_MEMORY = {69, 163, 165, LOOP, 189}
"""Helpers that write where a pointer argument leads."""

BOUNDED = {8}
"""Helpers of whose result the verifier knows bounds (``do_refine_retval_range``)."""

INDEXED = (MapType.BPF_MAP_TYPE_ARRAY, MapType.BPF_MAP_TYPE_PERCPU_ARRAY)


class Flow:
    """What is known before each instruction that can be reached: ``before[index]``.

    ``after[index]`` is where control goes from there, ``malformed`` what is wrong with the
    instructions by themselves.
    """

    def __init__(self, program: ProgramCode, maps: Mapping[str, ProgramMap]) -> None:
        self.program, self.maps = program, maps
        self.before: dict[int, State] = {}
        self.after: dict[int, list[int]] = {}
        self.malformed = malformed(program.code)
        self.work: list[int] = []
        arguments = [Content(CONTEXT, 0), *[NOTHING] * 4]
        self._arrive(0, State.at_entry(arguments, 0, 0))
        while self.work:
            index = self.work.pop()
            if index in self.malformed:
                continue  # the verifier goes no further
            following = list(self.step(index, self.before[index].copy()))
            self.after[index] = [target for target, _ in following]
            for target, state in following:
                self._arrive(target, state)

    def _arrive(self, index: int, state: State) -> None:
        known = self.before.get(index)
        if known is None:
            self.before[index] = state
            self.work.append(index)
        elif known.merge(state):
            self.work.append(index)

    def step(self, index: int, state: State) -> Iterator[tuple[int, State]]:
        """Where control goes from *index*, with what is known there; uses up *state*."""
        instruction = self.program.code[index]
        kind = instruction.kind
        if instruction.opcode == EXIT_OPCODE:
            return
        if instruction.opcode == LOAD_IMMEDIATE:
            state.registers[instruction.dst] = self.immediate(index, instruction)
            self._callback(index, instruction, state.given)
            yield index + 2, state
            return
        if kind in (ALU, ALU64):
            if instruction.operation == MOV and instruction.opcode & X:
                link(state, instruction.src)
            state.registers[instruction.dst] = compute(instruction, state)
        elif instruction.opcode == CALL_OPCODE:
            self.call(index, instruction, state)
        elif instruction.opcode in (GOTO, GOTO_LONG):
            yield jump_target(index, instruction), state
            return
        elif kind == LDX:
            state.registers[instruction.dst] = self.load(instruction, state)
        elif kind == STX and instruction.mode == ATOMIC:
            self.atomic(instruction, state)
        elif kind in (ST, STX):
            self.store(instruction, state)
        else:
            yield from self.branch(index, instruction, state)
            return
        yield index + 1, state

    def immediate(self, index: int, instruction: Instruction) -> Content:
        reference = self.program.references.get(index)
        if reference is None:
            if instruction.src == PSEUDO_FUNC:
                return ANYTHING
            high = self.program.code[index + 1].imm
            return Content(SCALAR, (high & MASK32) << 32 | instruction.imm & MASK32)
        if reference.offset is None:
            return Content(MAP, 0, reference.map)
        return Content(VALUE, reference.offset, reference.map)

    def _callback(self, index: int, instruction: Instruction, given: Given) -> None:
        """A function whose address is taken may be called with anything."""
        if instruction.src == PSEUDO_FUNC and index not in self.program.references:
            state = State.at_entry([ANYTHING] * 5, None, None, given)
            self._arrive(index + 1 + instruction.imm, state)

    def branch(
        self, index: int, instruction: Instruction, state: State
    ) -> Iterator[tuple[int, State]]:
        left, right = state.registers[instruction.dst], operand(instruction, state)
        outcome: bool | None = None
        if left.kind == right.kind == SCALAR and None not in (left.offset, right.offset):
            assert left.offset is not None
            assert right.offset is not None
            bits = 64 if instruction.kind == JMP else 32
            mask = (1 << bits) - 1
            compare = COMPARE[instruction.operation]
            outcome = compare(left.offset & mask, right.offset & mask, bits)
        is_open = outcome is None and goes_either_way(instruction, left, right)
        if outcome is not True:
            fallthrough = state.copy()
            narrow(instruction, left, right, fallthrough, taken=False)
            if outcome is None and not is_open:
                fallthrough.given |= {(index, False)}
            yield index + 1, fallthrough
        if outcome is not False:
            narrow(instruction, left, right, state, taken=True)
            if outcome is None and not is_open:
                state.given |= {(index, True)}
            yield jump_target(index, instruction), state

    def load(self, instruction: Instruction, state: State) -> Content:
        base = state.registers[instruction.src]
        free = Content(SCALAR, bits=8 * instruction.size)
        if instruction.mode != MEM:
            return ANYTHING if base.kind in (UNKNOWN, STACK) else NUMBER
        if base.offset is None:
            return ANYTHING if base.kind in (UNKNOWN, STACK) else free
        offset = base.offset + instruction.offset
        if base.kind == CONTEXT:
            fields = {
                DATA: Content(PACKET, 0),
                DATA_END: Content(PACKET_END, 0),
                DATA_META: Content(META, 0),
            }
            return fields.get(offset, free)
        if base.kind == STACK:
            return state.stack.get((offset, instruction.size), ANYTHING)
        if base.kind == VALUE and base.maybe_null is None:
            return self._constant(base.map, offset, instruction.size)
        return ANYTHING if base.kind == UNKNOWN else free

    def _constant(self, name: str, offset: int, size: int) -> Content:
        """A constant among the global variables, which the loader freezes, is known."""
        content = self.maps[name].program_lookup(bytes(4)) if name.startswith(".rodata") else None
        if content is None:
            return Content(SCALAR, bits=8 * size)
        return Content(SCALAR, int.from_bytes(content[offset : offset + size], sys.byteorder))

    def store(self, instruction: Instruction, state: State) -> None:
        base = state.registers[instruction.dst]
        if base.kind == UNKNOWN or (base.kind == STACK and base.offset is None):
            state.stack = {}
        elif base.kind == STACK:
            assert base.offset is not None
            size = instruction.size
            if instruction.kind == ST:
                stored = Content(SCALAR, instruction.imm & (1 << 8 * size) - 1)
            else:
                link(state, instruction.src)
                stored = state.registers[instruction.src]
                if size < 8:
                    known = stored.kind == SCALAR and stored.offset is not None
                    value = (stored.offset or 0) & (1 << 8 * size) - 1
                    stored = Content(SCALAR, value) if known else NUMBER
            state.spill(base.offset + instruction.offset, size, stored)

    def atomic(self, instruction: Instruction, state: State) -> None:
        registers, operation = state.registers, instruction.imm
        if operation == LOAD_ACQUIRE:
            plain = LDX | MEM | instruction.opcode & DW
            registers[instruction.dst] = self.load(instruction._replace(opcode=plain), state)
            return
        base = registers[instruction.dst]
        if base.kind in (STACK, UNKNOWN):
            state.stack = {}
        if operation == CMPXCHG:
            registers[0] = ANYTHING
        elif operation & FETCH and operation != STORE_RELEASE:
            registers[instruction.src] = ANYTHING

    def call(self, index: int, instruction: Instruction, state: State) -> None:
        registers = state.registers
        arguments = registers[1:6]
        if instruction.src == CALL_PROGRAM:
            inside = [ANYTHING if each.kind == STACK else each for each in arguments]
            entry = State.at_entry(inside, state.packet, state.meta, state.given)
            self._arrive(index + 1 + instruction.imm, entry)
            if any(each.kind in (STACK, UNKNOWN) for each in arguments):
                state.stack = {}
            state.lose_packet()
            result = ANYTHING
        else:
            if instruction.imm in WRITES_MEMORY:
                state.stack = {}
            if instruction.imm == LOOP:
                state.lose_packet()
            if instruction.imm in CHANGES_PACKET:
                state.forget_packet()
            state.forget_null_of(index)
            result = self.result(index, instruction.imm, arguments, state)
        state.registers[0] = result
        state.registers[1:6] = [NOTHING] * 5

    def result(self, index: int, number: int, arguments: list[Content], state: State) -> Content:
        """What a helper leaves in r0."""
        helper = HELPERS.get(number)
        returns = helper.returns if helper else "n"
        if returns == "r":
            return Content(RECORD, 0, maybe_null=index)
        if returns == "n":
            return NUMBER if number in BOUNDED else Content(SCALAR, bits=64)
        if returns == "-":
            return NOTHING
        if returns == "?":
            return ANYTHING
        if arguments[0].kind != MAP:
            return ANYTHING
        map = self.maps[arguments[0].map]
        if map.type in MAPS_OF_MAPS:
            return ANYTHING
        if map.type == MapType.BPF_MAP_TYPE_XSKMAP:
            return Content(SOCKET, 0, map.name, index)
        if map.type in INDEXED and number == LOOKUP:
            # An element that is always there needs no test: 6.15 and later know a constant key.
            key = arguments[1]
            held = state.stack.get((key.offset or 0, 4)) if key.kind == STACK else None
            if held is None or held.kind != SCALAR:
                return ANYTHING
            if held.offset is not None and held.offset < map.max_entries:
                return Content(VALUE, 0, arguments[0].map)
        return Content(VALUE, 0, arguments[0].map, index)
