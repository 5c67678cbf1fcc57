# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Instructions written down one by one, and lists of them whose jumps lead to names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from spec.machine.instruction import (
    CALL_OPCODE,
    CALL_PROGRAM,
    EXIT_OPCODE,
    GOTO_LONG,
    LOAD_IMMEDIATE,
    Instruction,
)

EXIT = Instruction(EXIT_OPCODE, 0, 0, 0, 0)


def op(opcode: int, dst: int = 0, src: int = 0, offset: int = 0, imm: int = 0) -> Instruction:
    """One instruction; ``imm`` may be given as an unsigned number."""
    return Instruction(opcode, dst, src, offset, imm - (1 << 32) if imm >> 31 == 1 else imm)


def wide(dst: int, value: int, src: int = 0) -> tuple[Instruction, Instruction]:
    """``dst = value ll``."""
    low, high = value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF
    return op(LOAD_IMMEDIATE, dst, src, 0, low), op(0, 0, 0, 0, high)


class Line(NamedTuple):
    """One line of a function: an instruction, or (without one) the place called ``label``.

    ``label`` of an instruction is where its jump goes, or which function it calls; ``map`` is the
    map that a ``LOAD_IMMEDIATE`` refers to, and ``high`` the upper half of its number.
    """

    instruction: Instruction | None
    label: str = ""
    map: str = ""
    high: int = 0

    @property
    def slots(self) -> int:
        """Instruction slots that the line takes."""
        if self.instruction is None:
            return 0
        return 2 if self.instruction.opcode == LOAD_IMMEDIATE else 1

    @property
    def calls(self) -> bool:
        """Whether the line calls a function of the program, ``label``."""
        return (
            self.instruction is not None
            and self.instruction.opcode == CALL_OPCODE
            and self.instruction.src == CALL_PROGRAM
        )


Lines = Sequence[Line]


class Assembled(NamedTuple):
    """The instructions of one function, and what the loader is to fill in.

    ``maps`` and ``calls`` give the name of a map or a function by the index of the instruction.
    """

    code: tuple[Instruction, ...]
    maps: Mapping[int, str]
    calls: Mapping[int, str]


def assemble(lines: Lines) -> Assembled:
    """Put numbers in the place of labels."""
    places, position = {}, 0
    for line in lines:
        if line.instruction is None:
            places[line.label] = position
        position += line.slots
    code: list[Instruction] = []
    maps, calls = dict[int, str](), dict[int, str]()
    for line in lines:
        instruction = line.instruction
        if instruction is None:
            continue
        if line.calls:
            calls[len(code)] = line.label
            instruction = instruction._replace(imm=-1)
        elif line.label:
            distance = places[line.label] - len(code) - 1
            field = "imm" if instruction.opcode == GOTO_LONG else "offset"
            instruction = instruction._replace(**{field: distance})
        if line.map:
            maps[len(code)] = line.map
        code.append(instruction)
        if line.slots == 2:
            code.append(op(0, 0, 0, 0, line.high))
    return Assembled(tuple(code), maps, calls)
