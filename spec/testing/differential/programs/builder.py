# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes a function line by line, keeping track of what its registers hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from spec.machine.instruction import ADD, ALU64, DW, LDX, LOAD_IMMEDIATE, MEM, MOV, STX, X
from spec.testing.differential.choices import Choices
from spec.testing.differential.programs.assembly import Line, op
from spec.testing.differential.programs.known import (
    A_NUMBER,
    CONTEXT,
    NUMBER,
    STACK,
    Content,
    Known,
)
from spec.testing.differential.programs.map_choice import READ_ONLY
from spec.testing.differential.programs.numbers import immediate, number_64
from spec.testing.differential.programs.type_information import MapShape
from spec.testing.differential.programs.version import Version

FRAME_POINTER = 10
SAVED = (6, 7, 8, 9)
"""Registers that survive a call."""
ARGUMENTS = (1, 2, 3, 4, 5)


class Signature(NamedTuple):
    """What a function wants in r1 and so on, and whether it leaves a number in r0."""

    arguments: tuple[Content, ...]
    returns: bool = True


class Builder:
    """One function in the making.

    ``pinned`` registers are not to be changed for the time being. ``depth`` counts the branches
    and loops around the present place.
    """

    def __init__(
        self, choices: Choices, version: Version, maps: Sequence[MapShape], name: str, stack: int
    ) -> None:
        self.choices, self.version, self.maps, self.name = choices, version, maps, name
        self.read_only = {each.name for each in maps if each.type in READ_ONLY}
        self.lines: list[Line] = []
        self.known = Known()
        self.pinned: set[int] = set()
        self.stack = stack
        self.depth = 0
        self.context: int | None = None
        self.functions: dict[str, Signature] = {}
        self._labels = 0

    # Lines.

    def emit(self, opcode: int, dst: int = 0, src: int = 0, offset: int = 0, imm: int = 0) -> None:
        self.lines.append(Line(op(opcode, dst, src, offset, imm)))

    def jump(self, opcode: int, label: str, dst: int = 0, src: int = 0, imm: int = 0) -> None:
        self.lines.append(Line(op(opcode, dst, src, 0, imm), label))

    def new_label(self) -> str:
        self._labels += 1
        return f"{self.name}_{self._labels}"

    def place(self, label: str) -> None:
        self.lines.append(Line(None, label))

    # Registers.

    def set(self, register: int, content: Content | None) -> None:
        """*register* holds *content* from now on; None if nobody may read it."""
        if content is None:
            self.known.registers.pop(register, None)
        else:
            self.known.registers[register] = content

    def having(self, *kinds: str) -> list[int]:
        """Registers that hold something of *kinds*."""
        return [n for n, content in self.known.registers.items() if content.kind in kinds]

    def free(self, among: Sequence[int] = range(10)) -> int:
        """A register that may be overwritten."""
        allowed = [n for n in among if n not in self.pinned]
        return self.choices.one_of(allowed)

    def number(self, avoid: Sequence[int] = ()) -> int:
        """A register with a number, made if there is none."""
        found = [n for n in self.having(NUMBER) if n not in avoid]
        if found and not self.choices.chance(0.05):
            return self.choices.one_of(found)
        register = self.free([n for n in range(10) if n not in avoid])
        self.constant(register)
        return register

    def changeable(self) -> int:
        """A register with a number that may be changed."""
        found = [n for n in self.having(NUMBER) if n not in self.pinned]
        if found and not self.choices.chance(0.05):
            return self.choices.one_of(found)
        register = self.free()
        self.constant(register)
        return register

    def constant(self, register: int, value: int | None = None) -> None:
        """Put *value*, or any number, into *register*."""
        if value is None and self.choices.chance(0.4):
            number = number_64(self.choices)
            low = op(LOAD_IMMEDIATE, register, 0, 0, number & 0xFFFFFFFF)
            self.lines.append(Line(low, high=op(0, imm=number >> 32).imm))
        else:
            imm = immediate(self.choices) if value is None else value
            self.emit(ALU64 | MOV, register, imm=imm)
        self.set(register, A_NUMBER)

    def copy(self, register: int, source: int) -> None:
        """``register = source``."""
        self.emit(ALU64 | MOV | X, register, source)
        if source == FRAME_POINTER:
            self.set(register, Content(STACK))
        else:
            self.set(register, self.known.registers.get(source))

    def add(self, register: int, distance: int) -> None:
        """``register += distance``, for pointers."""
        if distance:
            self.emit(ALU64 | ADD, register, imm=distance)
        content = self.known.registers[register]
        self.set(register, content._replace(offset=content.offset + distance))

    # The stack.

    def slot(self) -> int:
        """The offset of any eight-byte slot."""
        return -8 * self.choices.integer(1, self.stack // 8)

    def area(self, size: int, written: bool = True) -> int:
        """The offset of *size* bytes of stack in a multiple of eight, filled with numbers."""
        slots = -(-size // 8)
        offset = -8 * self.choices.integer(slots, self.stack // 8)
        for slot in range(offset, offset + 8 * slots, 8):
            if written and self.known.slots.get(slot) != A_NUMBER:
                numbers = self.having(NUMBER)
                if numbers and self.choices.chance(0.6):
                    self.emit(STX | MEM | DW, FRAME_POINTER, self.choices.one_of(numbers), slot)
                else:
                    self.emit(0x7A, FRAME_POINTER, 0, slot, immediate(self.choices))
            self.known.slots[slot] = A_NUMBER
        return offset

    def point(self, register: int, offset: int) -> None:
        """``register = r10 + offset``."""
        self.copy(register, FRAME_POINTER)
        self.add(register, offset)

    # Arguments of calls, to be set from the first to the last.

    def pass_number(self, register: int) -> None:
        """Any number as an argument: what is not overwritten yet, or a constant."""
        usable = [n for n in self.having(NUMBER) if n not in range(1, register)]
        if usable and self.choices.chance(0.7):
            self.copy(register, self.choices.one_of(usable))
        else:
            self.constant(register)

    def pass_context(self, register: int) -> None:
        """The context as an argument; there must be one (``context``)."""
        assert self.context is not None
        self.copy(register, self.context)
        self.set(register, Content(CONTEXT))

    def pass_map(self, register: int, name: str) -> None:
        """A map as an argument."""
        self.lines.append(Line(op(LOAD_IMMEDIATE, register), map=name))
        self.set(register, None)

    def helper(self, number: int) -> None:
        """Call the helper *number*, which returns a number."""
        self.emit(0x85, imm=number)
        self.after_call(A_NUMBER)

    def after_call(self, result: Content | None) -> None:
        """What a call leaves behind."""
        for register in ARGUMENTS:
            self.set(register, None)
        self.set(0, result)

    def load(self, size: int, register: int, source: int, offset: int) -> None:
        """``register = *(size *)(source + offset)``, a number."""
        self.emit(LDX | MEM | size, register, source, offset)
        self.set(register, A_NUMBER)
