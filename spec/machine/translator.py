# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Turns a program into Python functions, one for each of its own, that do what it does.

The interpreter is the statement of what instructions mean; this is how to run them fast.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any

from spec.machine.arithmetic import byte_swap, divide, modulo, signed_divide, signed_modulo
from spec.machine.fault import OutOfBudget, TooManyFunctions
from spec.machine.flow import Flow
from spec.machine.graph import Graph
from spec.machine.helpers import HELPERS, loop, tail_call
from spec.machine.instruction import (
    ALU,
    ALU64,
    CALL_OPCODE,
    CALL_PROGRAM,
    JMP,
    JMP32,
    LDX,
    LOAD_IMMEDIATE,
)
from spec.machine.kinds import MAP, Content
from spec.machine.memory import CONTEXT_ADDRESS, SHIFT, STACK_SIZE
from spec.machine.memory import STACK as STACK_REGION
from spec.machine.shape import Dispatch, Nested, TooDeep
from spec.machine.writer import REDIRECT_MAP, SIMPLE_CALLS, Writer

if TYPE_CHECKING:
    from spec.machine.executable import Executable

_STRUCTS = {size: Struct(f"={letter}") for size, letter in ((2, "H"), (4, "I"), (8, "Q"))}


class Translation:
    """The Python functions of one executable."""

    def __init__(self, executable: Executable, flow: Flow) -> None:
        self.executable, self.flow = executable, flow
        self.name = f"<bpf {executable.program.name}>"
        self.instructions: list[int] = []
        self.lines: list[str] = []
        code = executable.code
        self.counts = any(
            each.opcode == CALL_OPCODE and each.src == CALL_PROGRAM for each in code
        ) or any(_has_backward_jump(executable, start) for start in executable.starts)
        self.is_light = self._is_light()
        for start in executable.starts:
            self._function(start)
        self.functions: dict[int, Callable[..., int]] = {}
        namespace = self._namespace()
        exec(compile("\n".join(self.lines), self.name, "exec"), namespace)
        for start in executable.starts:
            self.functions[start] = namespace[f"f{start}"]

    @property
    def source(self) -> str:
        """The Python text."""
        return "\n".join(self.lines)

    def _namespace(self) -> dict[str, Any]:
        executable = self.executable
        names: dict[str, Any] = {
            "EXECUTABLE": executable,
            "TooManyFunctions": TooManyFunctions,
            "OutOfBudget": OutOfBudget,
            "divide": divide,
            "modulo": modulo,
            "signed_divide": signed_divide,
            "signed_modulo": signed_modulo,
            "byte_swap": byte_swap,
            "tail_call": tail_call,
            "loop": loop,
        }
        for size, each in _STRUCTS.items():
            names[f"load{size}"], names[f"store{size}"] = each.unpack_from, each.pack_into
        for number, helper in HELPERS.items():
            names[f"helper{number}"] = helper.function
        for address, map in executable.map_addresses.items():
            names[f"map_{address >> SHIFT}"] = map
        return names

    def _is_light(self) -> bool:
        """Whether the program touches nothing but the plain context fields and the host."""
        if len(self.executable.starts) > 1:
            return False
        for index, state in self.flow.before.items():
            instruction = self.executable.code[index]
            kind, number = instruction.kind, instruction.imm
            if kind in (ALU, ALU64) or instruction.opcode == LOAD_IMMEDIATE:
                continue
            if instruction.opcode == CALL_OPCODE:
                is_known_map = state.registers[1].kind == MAP
                if number in SIMPLE_CALLS or (number == REDIRECT_MAP and is_known_map):
                    continue
                return False
            if kind in (JMP, JMP32):
                continue
            content = state.registers[instruction.src]
            if kind != LDX or content != Content("ctx", 0) or instruction.offset < 12:
                return False
        return True

    def _function(self, start: int) -> None:
        for shape in (Nested, Dispatch):
            writer = Writer(self, start)
            try:
                shape(writer.graph, writer).write()
            except TooDeep:
                continue
            self._finish(writer)
            return

    def _finish(self, writer: Writer) -> None:
        body = "\n".join(text for text, _ in writer.lines)
        uses_packet = bool(re.search(r"\bpacket\b(?! = m\.data)", body))
        for text in self._prologue(writer, body, uses_packet):
            self.lines.append(text)
            self.instructions.append(writer.start)
        for text, index in writer.lines:
            if not uses_packet and text.endswith(" packet = m.data()"):
                continue
            if text.strip() == "to = 0" and not re.search(r"\bif to|to = [1-9]", body):
                continue
            self.lines.append(text)
            self.instructions.append(index)

    def _prologue(self, writer: Writer, body: str, uses_packet: bool) -> list[str]:
        start = writer.start
        uses = set(re.findall(r"\b[a-z]\w*\b", body))
        if self.is_light:
            lines = [f"def f{start}(context, host, r1={CONTEXT_ADDRESS}):"]
        else:
            lines = [f"def f{start}(m, r1, r2, r3, r4, r5):"]
        names = [f"r{number}" for number in (0, 6, 7, 8, 9) if f"r{number}" in uses]
        if self.is_light:
            names += [f"r{number}" for number in (2, 3, 4, 5) if f"r{number}" in uses]
        # Without jumps, the checks saw to it that every register is set before it is used.
        if names and not (self.is_light and len(writer.graph.blocks) == 1):
            lines.append(f" {' = '.join(names)} = 0")
        if self.counts:
            lines.append(" n = 0" if self.is_light else " n = m.executed")
        if self.is_light:
            return lines
        if "mem" in uses or "stack" in uses or writer.needs_frame:
            lines.append(" mem = m.regions")
        for name in ("context", "host"):
            if name in uses:
                lines.append(f" {name} = m.{name}")
        if uses_packet:
            lines.append(" packet = m.data()")
        if writer.needs_frame:
            lines += [
                " depth = m.depth",
                " if depth >= m.limit: raise TooManyFunctions",
                " m.depth = depth + 1",
                f" stack = mem[{STACK_REGION} + 2 * depth] = bytearray({STACK_SIZE})",
                f" r10 = ({STACK_REGION} + 2 * depth << {SHIFT}) + {STACK_SIZE}",
            ]
        return lines


def _has_backward_jump(executable: Executable, start: int) -> bool:
    graph = Graph(executable.code, start)
    return any(
        target <= block.last for block in graph.blocks.values() for target in block.successors
    )
