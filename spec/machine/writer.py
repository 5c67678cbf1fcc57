# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes the contents of one function's blocks as Python: instructions, calls, exits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec.machine.fault import BUDGET
from spec.machine.graph import Graph
from spec.machine.helpers import LOOP, TAIL_CALL
from spec.machine.instruction import (
    ALU,
    ALU64,
    ATOMIC,
    CALL_OPCODE,
    CALL_PROGRAM,
    EXIT_OPCODE,
    JMP,
    JMP32,
    LDX,
    LOAD_IMMEDIATE,
    MASK64,
    Instruction,
)
from spec.machine.kinds import ANYTHING, MAP, SCALAR, STACK, Content
from spec.machine.memory import SHIFT, STACK_SIZE
from spec.machine.statements import Widths, alu, atomic, condition, cut, load, store, width

if TYPE_CHECKING:
    from spec.machine.translator import Translation

SIMPLE_CALLS = {
    5: "host.ktime_ns()",
    7: "host.random_u32() & 4294967295",
    8: "host.cpu()",
    23: "host.redirect(r1 & 4294967295, r2)",
}
"""Helpers that need nothing but the host."""

REDIRECT_MAP = 51
VERDICT_WIDTH = 3
"""Bits of what it returns."""
REFRESHING = {44, 54, 65}


class Writer:
    """Writes the blocks of one function; see ``shape.Text``."""

    def __init__(self, translation: Translation, start: int) -> None:
        self.translation, self.start = translation, start
        self.code, self.flow = translation.executable.code, translation.flow
        self.graph = Graph(self.code, start)
        self.lines: list[tuple[str, int]] = []
        self.widths: Widths = {}
        reached = [
            each for block in self.graph.blocks.values() for each in self.indices(block.start)
        ]
        self.needs_frame = not translation.is_light and any(
            10 in (self.code[each].dst, self.code[each].src)
            or (self.code[each].opcode == CALL_OPCODE and self.code[each].src == CALL_PROGRAM)
            or start > 0
            for each in reached
        )

    def indices(self, block: int) -> list[int]:
        """The instructions of *block*."""
        found, index, last = [], block, self.graph.blocks[block].last
        while index <= last:
            found.append(index)
            index += 2 if self.code[index].opcode == LOAD_IMMEDIATE else 1
        return found

    def length(self, block: int) -> int:
        return len(self.indices(block))

    def line(self, indent: int, text: str, block: int) -> None:
        self.put(indent, text, self.graph.blocks[block].last)

    def put(self, indent: int, text: str, index: int) -> None:
        self.lines.append((" " * indent + text, index))

    def account(self, length: int, indent: int) -> None:
        if self.translation.counts and length:
            self.put(indent, f"n += {length}", self.start)

    def check(self, block: int, indent: int) -> None:
        self.line(indent, f"if n > {BUDGET}: raise OutOfBudget", block)

    def condition(self, block: int, inverse: bool) -> str:
        return condition(self.code[self.graph.blocks[block].last], inverse, self.widths)

    def leave(self, block: int, indent: int) -> None:
        self._settle(indent, self.graph.blocks[block].last)
        result = cut(0, 32, self.widths) if self.translation.is_light else "r0"
        self.line(indent, f"return {result}", block)

    def _settle(self, indent: int, index: int) -> None:
        """Before the function ends: give back its frame, hand on the count."""
        if self.needs_frame:
            self.put(indent, "m.depth = depth", index)
        if self.translation.counts and not self.translation.is_light:
            self.put(indent, "m.executed = n", index)

    def statements(self, block: int, indent: int) -> None:
        self.widths = {}
        for done, index in enumerate(self.indices(block), 1):
            instruction = self.code[index]
            if instruction.opcode == CALL_OPCODE:
                self.widths.pop(0, None)
                self._call(index, instruction, indent, done)
            elif instruction.opcode == EXIT_OPCODE or instruction.kind in (JMP, JMP32):
                continue
            else:
                for text in self._plain(index, instruction):
                    self.put(indent, text, index)
                self._note_width(instruction)

    def content(self, index: int, register: int) -> Content:
        state = self.flow.before.get(index)
        return state.registers[register] if state else ANYTHING

    def _plain(self, index: int, instruction: Instruction) -> list[str]:
        if instruction.kind in (ALU, ALU64):
            return [alu(instruction, self.widths)]
        if instruction.opcode == LOAD_IMMEDIATE:
            value = self.translation.executable.immediates[index]
            return [f"r{instruction.dst} = {value}"]
        if instruction.kind == LDX:
            return [load(instruction, self.content(index, instruction.src))]
        if instruction.mode == ATOMIC:
            register = instruction.src if instruction.imm == 0x100 else instruction.dst
            return atomic(instruction, self.content(index, register))
        return [store(instruction, self.content(index, instruction.dst), self.widths)]

    def _note_width(self, instruction: Instruction) -> None:
        if instruction.kind in (ALU, ALU64, LDX):
            self.widths[instruction.dst] = width(instruction, self.widths)
        elif instruction.opcode == LOAD_IMMEDIATE:
            self.widths.pop(instruction.dst, None)
        elif instruction.mode == ATOMIC:
            self.widths.clear()

    def _call(self, index: int, instruction: Instruction, indent: int, done: int) -> None:
        number = instruction.imm
        if instruction.src == CALL_PROGRAM:
            self._call_program(index, instruction, indent, done)
        elif number in SIMPLE_CALLS:
            self.put(indent, f"r0 = {SIMPLE_CALLS[number]} & {MASK64}", index)
        elif number == REDIRECT_MAP and (known := self._map(index)):
            key, flags = self._number(index, 2), self._number(index, 3)
            self.put(indent, f"r0 = host.redirect_map({known}, {key}, {flags})", index)
            self.widths[0] = VERDICT_WIDTH
        elif number == TAIL_CALL:
            self.put(indent, "target = tail_call(m, r2, r3)", index)
            self.put(indent, "if target is not None:", index)
            self._settle(indent + 1, index)
            self.put(indent + 1, "return target.executable.enter(m)", index)
            self.put(indent, f"r0 = helper{TAIL_CALL}() & {MASK64}", index)
        elif number == LOOP:
            text = f"r0 = loop(m, EXECUTABLE, r1, r2, r3, r4, r5) & {MASK64}"
            self._around_call(text, index, indent, done)
        elif number == 1 and (known := self._map(index)) and (key := self._key(index)):
            self.put(indent, f"value = {known}.program_lookup({key})", index)
            self.put(indent, "r0 = 0 if value is None else m.place(value)", index)
        else:
            self.put(indent, f"r0 = helper{number}(m, r1, r2, r3, r4, r5) & {MASK64}", index)
            if number in REFRESHING:
                self.put(indent, "packet = m.data()", index)

    def _call_program(self, index: int, instruction: Instruction, indent: int, done: int) -> None:
        target = index + 1 + instruction.imm
        self._around_call(f"r0 = f{target}(m, r1, r2, r3, r4, r5)", index, indent, done)

    def _around_call(self, text: str, index: int, indent: int, done: int) -> None:
        """A call of the program's own code: it counts on from what was executed so far."""
        if self.translation.counts:
            self.put(indent, f"m.executed = n + {done}", index)
            self.put(indent, f"if n + {done} > {BUDGET}: raise OutOfBudget", index)
        self.put(indent, text, index)
        if self.translation.counts:
            self.put(indent, f"n = m.executed - {done}", index)
        self.put(indent, "packet = m.data()", index)

    def _map(self, index: int) -> str:
        """The name of the map in r1, if it is known."""
        content = self.content(index, 1)
        if content.kind != MAP:
            return ""
        for address, map in self.translation.executable.map_addresses.items():
            if map is self.translation.executable.map_named(content.map):
                return f"map_{address >> SHIFT}"
        return ""

    def _number(self, index: int, register: int) -> str:
        """What *register* holds, if it is a known number, or else its name."""
        content = self.content(index, register)
        if content.kind != SCALAR or content.offset is None:
            return f"r{register}"
        return str(content.offset & MASK64)

    def _key(self, index: int) -> str:
        """The key r2 points to, if it lies at a known place of the stack."""
        content = self.content(index, 2)
        if content.kind != STACK or content.offset is None:
            return ""
        size = self.translation.executable.map_named(self.content(index, 1).map).key_size
        start = STACK_SIZE + content.offset
        return f"bytes(stack[{start}:{start + size}])" if 0 <= start <= STACK_SIZE - size else ""
