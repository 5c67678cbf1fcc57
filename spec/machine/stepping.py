# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A run one instruction at a time: what was executed, and what the registers held."""

from __future__ import annotations

from dataclasses import dataclass

from spec.machine.executable import Executable
from spec.machine.host import Context, Host
from spec.machine.instruction import Instruction
from spec.machine.interpreter import interpret
from spec.machine.line_info import Line
from spec.machine.memory import CONTEXT_ADDRESS, Memory


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction that ran: its index, what it says, and r0 to r10 before it."""

    program: str
    index: int
    instruction: Instruction
    registers: tuple[int, ...]
    line: Line | None

    def __str__(self) -> str:
        place = f"  ; {self.line.text.strip()}" if self.line else ""
        return f"{self.index}: {self.instruction}{place}"


def steps(executable: Executable, context: Context, host: Host) -> list[Step]:
    """Every instruction that *executable* runs on one frame, by the interpreter.

    Tail calls and functions of the program are entered. ``MachineFault`` as a run raises it.
    """
    taken: list[Step] = []

    def note(running: Executable, index: int, registers: list[int]) -> None:
        program = running.program
        instruction, line = program.code[index], program.lines.get(index)
        taken.append(Step(program.name, index, instruction, tuple(registers), line))

    regions, maps = executable.regions, executable.map_addresses
    memory = Memory(context, host, regions, maps, executable.release)
    memory.watch = note
    interpret(executable, memory, (CONTEXT_ADDRESS, 0, 0, 0, 0))
    return taken
