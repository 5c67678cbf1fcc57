# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A case: programs, maps with their first elements, and packets to run on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from spec.machine.instruction import Instruction
from spec.testing.differential.programs.assembly import Line, Lines, assemble
from spec.testing.differential.programs.map_choice import FilledMap
from spec.testing.differential.programs.object_file import write_object
from spec.testing.differential.programs.type_information import MapShape
from spec.testing.differential.step import Argument, Step

MAIN = "program"


class Packet(NamedTuple):
    """One packet; its first ``metadata`` bytes are metadata."""

    data: bytes
    metadata: int = 0


class Case(NamedTuple):
    """The program ``program``, and others that a PROG_ARRAY holds by ``entries``."""

    programs: tuple[tuple[str, Lines], ...]
    functions: tuple[tuple[str, Lines], ...] = ()
    maps: tuple[FilledMap, ...] = ()
    entries: tuple[tuple[int, str], ...] = ()
    packets: tuple[Packet, ...] = (Packet(bytes(64)),)
    has_frags: bool = False

    @property
    def section(self) -> str:
        """Where its programs are, which says whether they take packets with fragments."""
        return "xdp.frags" if self.has_frags else "xdp"

    @property
    def slots(self) -> int:
        """Instruction slots of everything."""
        return sum(line.slots for _, lines in (*self.programs, *self.functions) for line in lines)

    def object(self) -> bytes:
        """The object file; only the maps that the code names are in it."""
        programs = {name: assemble(lines) for name, lines in self.programs}
        functions = {name: assemble(lines) for name, lines in self.functions}
        shapes = [each.shape for each in self.maps]
        return write_object(programs, functions, shapes, self.section)

    def named_maps(self) -> Mapping[str, FilledMap]:
        """The maps by name."""
        return {each.shape.name: each for each in self.maps}


def pruned(case: Case) -> Case:
    """The same without functions, programs and maps that nobody names any more."""
    programs, functions = dict(case.programs), dict(case.functions)
    entered = {MAIN, *(name for _, name in case.entries)}
    programs = {name: lines for name, lines in programs.items() if name in entered}
    while True:
        lines = [line for each in (*programs.values(), *functions.values()) for line in each]
        called = {line.label for line in lines if line.calls}
        if called >= functions.keys():
            break
        functions = {name: each for name, each in functions.items() if name in called}
    used = {line.map for line in lines}
    maps = tuple(each for each in case.maps if each.shape.name in used)
    return case._replace(
        programs=tuple(programs.items()), functions=tuple(functions.items()), maps=maps
    )


def step_of(name: str, case: Case) -> Step:
    """A step that does *case*, which is plain tuples all the way down."""
    return Step(name, cast("tuple[Argument, ...]", case))


def case_of(written: tuple[Any, ...]) -> Case:
    """The case that was kept as plain tuples, as a step's arguments are in a file."""
    if isinstance(written, Case):
        return written
    programs, functions, maps, entries, packets, has_frags = written
    return Case(
        tuple((name, _lines(lines)) for name, lines in programs),
        tuple((name, _lines(lines)) for name, lines in functions),
        tuple(FilledMap(MapShape(*shape), elements) for shape, elements in maps),
        entries,
        tuple(Packet(*packet) for packet in packets),
        has_frags,
    )


def _lines(written: tuple[Any, ...]) -> Lines:
    return tuple(
        Line(None if instruction is None else Instruction(*instruction), *rest)
        for instruction, *rest in written
    )
