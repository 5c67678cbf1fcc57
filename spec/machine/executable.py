# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Loads a program into the machine, and runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from struct import error as struct_error

from spec.errors import InputError
from spec.machine.checks import check
from spec.machine.fault import MAX_DEPTH, MachineFault, Trap
from spec.machine.flow import Flow
from spec.machine.helpers import HELPERS, REFUSED
from spec.machine.host import Context, Host, ProgramMap
from spec.machine.host import Memory as Bytes
from spec.machine.instruction import (
    CALL_OPCODE,
    CALL_PROGRAM,
    EXIT_OPCODE,
    GOTO,
    GOTO_LONG,
    LOAD_IMMEDIATE,
    MASK32,
    MASK64,
    PSEUDO_FUNC,
    Instruction,
)
from spec.machine.interpreter import interpret
from spec.machine.memory import CONTEXT_ADDRESS, Memory, map_region, static_address
from spec.machine.postmortem import explain
from spec.machine.program import ProgramCode
from spec.machine.translator import Translation
from spec.release import Release

ENGINES = ("translator", "interpreter")

_EXIT = Instruction(EXIT_OPCODE, 0, 0, 0, 0)

MISHAPS = (Trap, LookupError, TypeError, ValueError, struct_error)
"""What goes wrong in translated code where a program goes wrong."""


class Executable:
    """A program that passed the checks, with its maps in place."""

    def __init__(
        self,
        program: ProgramCode,
        maps: Mapping[str, ProgramMap],
        engine: str,
        flow: Flow,
        release: Release,
    ) -> None:
        if engine not in ENGINES:
            raise ValueError(f"there is no engine {engine!r}, only {' and '.join(ENGINES)}")
        self.program, self.engine = program, engine
        self.code = _without_dead_code(program.code, flow)
        self.release = release
        self.starts = tuple(function.start for function in program.functions)
        names = dict.fromkeys(each.map for each in program.references.values())
        self.maps = tuple(maps[name] for name in names)
        self._by_name = {name: maps[name] for name in names}
        self.regions: dict[int, Bytes] = {}
        self.map_addresses: dict[int, ProgramMap] = {}
        self.immediates: dict[int, int] = {}
        self._place()
        self.translation = Translation(self, flow) if engine == "translator" else None
        self._light: Callable[[Context, Host], int] | None = None
        self.run: Callable[[Context, Host], int] = self._run
        """Execute the program on one frame; what it returns, as ``u32``.

        ``MachineFault`` if it does what no verified program does.
        """
        self.is_blind = False
        """Whether it touches nothing but the host, so that it can't go wrong."""
        if self.translation is not None and self.translation.is_light:
            self._light = self.translation.functions[0]
            self.is_blind = not self.translation.counts
            if self.is_blind:
                self.run = self._light

    def map_named(self, name: str) -> ProgramMap:
        """The map that the object file calls *name*."""
        return self._by_name[name]

    def _run(self, context: Context, host: Host) -> int:
        """A run that may go wrong."""
        try:
            if self._light is not None:
                return self._light(context, host)
            memory = Memory(context, host, self.regions, self.map_addresses, self.release)
            return self.call(memory, 0, (CONTEXT_ADDRESS, 0, 0, 0, 0)) & MASK32
        except MachineFault:
            raise
        except MISHAPS as mishap:
            fault = explain(mishap)
            if fault is None:
                raise
            raise fault from None

    def enter(self, memory: Memory) -> int:
        """Start the program in a run that is under way, as a tail call does; r0 at its exit.

        Functions that wait for the one that made the call do not count: each program may have
        ``MAX_DEPTH`` of its own.
        """
        memory.regions.update(self.regions)
        memory.maps.update(self.map_addresses)
        before, memory.limit = memory.limit, memory.depth + MAX_DEPTH
        try:
            return self.call(memory, 0, (CONTEXT_ADDRESS, 0, 0, 0, 0))
        finally:
            memory.limit = before

    def call(self, memory: Memory, start: int, arguments: tuple[int, ...]) -> int:
        """Run the program's function at instruction *start* in a run that is under way."""
        if memory.watch is not None:
            return interpret(self, memory, arguments, start) & MASK64
        if self._light is not None:
            return self._light(memory.context, memory.host)
        if self.translation is not None:
            return self.translation.functions[start](memory, *arguments)
        return interpret(self, memory, arguments, start) & MASK64

    def _place(self) -> None:
        """Give maps and global variables their addresses."""
        handles: dict[str, int] = {}
        values: dict[str, int] = {}
        for index, instruction in enumerate(self.code):
            reference = self.program.references.get(index)
            if reference is None:
                if instruction.opcode == LOAD_IMMEDIATE and index + 1 < len(self.code):
                    self.immediates[index] = self._constant(index)
            elif reference.offset is None:
                if reference.map not in handles:
                    address = handles[reference.map] = static_address(0)
                    self.map_addresses[address] = self._by_name[reference.map]
                self.immediates[index] = handles[reference.map]
            else:
                if reference.map not in values:
                    values[reference.map] = self._place_value(self._by_name[reference.map])
                self.immediates[index] = values[reference.map] + reference.offset

    def _place_value(self, map: ProgramMap) -> int:
        content = map.program_lookup(bytes(4))
        assert content is not None, "a map of global variables has its only element"
        address = static_address(len(content))
        map_region(self.regions, address, content)
        return address

    def _constant(self, index: int) -> int:
        low, high = self.code[index], self.code[index + 1]
        if low.src == PSEUDO_FUNC:
            return index + 1 + low.imm
        return (high.imm & MASK32) << 32 | low.imm & MASK32


def _without_dead_code(code: tuple[Instruction, ...], flow: Flow) -> tuple[Instruction, ...]:
    """*code* with an exit for what is never run and may be anything (``sanitize_dead_code``).

    What the verifier would refuse if it came there is replaced by what ends the run.
    """
    kept, made = flow.before.keys(), list(code)
    for index, instruction in enumerate(code):
        if index not in kept:
            if made[index - 1].opcode != LOAD_IMMEDIATE:
                made[index] = _EXIT
        elif _calls_nothing(instruction) or (index in flow.malformed and not _ends(instruction)):
            made[index] = Instruction(CALL_OPCODE, 0, 0, 0, REFUSED)
    return tuple(made)


def _ends(instruction: Instruction) -> bool:
    """Whether control never goes straight on from here."""
    return instruction.opcode in (EXIT_OPCODE, GOTO, GOTO_LONG)


def _calls_nothing(instruction: Instruction) -> bool:
    is_call = instruction.opcode == CALL_OPCODE and instruction.src != CALL_PROGRAM
    return is_call and instruction.imm not in HELPERS


def load(
    code: ProgramCode,
    maps: Mapping[str, ProgramMap],
    release: Release | str = "6.18",
    engine: str = "translator",
) -> Executable:
    """Check *code* as *release* would and make it executable with *maps*, by name.

    ``KernelError`` with the verifier's decisive line where the checks refuse it; *engine* is
    ``"translator"`` or ``"interpreter"``.
    """
    if (code.order == "<") != (sys.byteorder == "little"):
        problem = f"program {code.name} has the other byte order than this machine"
        wanted = "bpfel" if sys.byteorder == "little" else "bpfeb"
        raise InputError(code.place, problem, f"compile it for {wanted}")
    missing = {each.map for each in code.references.values()} - set(maps)
    if missing:
        problem = f"program {code.name} needs map {min(missing)!r}"
        raise InputError(code.place, problem, "create every map of the object before loading")
    known = release if isinstance(release, Release) else Release(release)
    return Executable(code, maps, engine, check(code, maps, str(known)), known)
