# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Plays a case on one engine: loads it, runs it on every packet, reads the maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

from spec.errors import KernelError, errno_name
from spec.lab import Lab, LoadedObject, Map
from spec.testing.differential.programs.assembly import EXIT, Line, assemble, op
from spec.testing.differential.programs.case import MAIN, Case, Packet
from spec.testing.differential.programs.map_choice import PER_CPU, PROGRAMS, TABLES, FilledMap
from spec.testing.differential.programs.memory_file import loaded
from spec.testing.differential.programs.object_file import write_object
from spec.uapi import MapType

SMP_PROCESSOR_ID = 8
_UNIT = 8

Elements: TypeAlias = Mapping[bytes, tuple[bytes, ...]]
"""What is in a map: for each key its value, or its copy of the running CPU and those of others."""


class Run(NamedTuple):
    """What came of one packet."""

    retval: int
    data: bytes


class Outcome(NamedTuple):
    """What came of a case: refused at an instruction with the decisive line, or run."""

    error: str = ""
    reason: str = ""
    at: int | None = None
    runs: tuple[Run, ...] = ()
    maps: Mapping[str, Elements] = {}


def running_cpu(lab: Lab) -> int:
    """The CPU on which test runs of *lab* take place, by asking a program."""
    lines = [Line(op(0x85, imm=SMP_PROCESSOR_ID)), Line(EXIT)]
    with loaded(lab, write_object({MAIN: assemble(lines)})) as made:
        return int(made.programs[MAIN].test_run(bytes(64)).retval)


class Player:
    """An engine for cases; test runs take place on CPU ``cpu``."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.cpu, self.cpus = lab, running_cpu(lab), possible_cpus(lab)

    def play(self, case: Case, content: bytes | None = None) -> Outcome:
        """Everything that can be seen of *case*, whose object file may be given."""
        try:
            with loaded(self.lab, content or case.object()) as made:
                self._fill(case, made)
                return self._run(case, made)
        except KernelError as refusal:
            return _refused(refusal)

    def loads(self, content: bytes) -> Outcome:
        """Whether an object file is taken; its programs are not run."""
        try:
            with loaded(self.lab, content):
                return Outcome()
        except KernelError as refusal:
            return _refused(refusal)

    def _fill(self, case: Case, made: LoadedObject) -> None:
        for filled in case.maps:
            map = made.maps[filled.shape.name]
            for key, value in filled.elements:
                map.update_bytes(key, self._for_user(filled, value), 0)
        if PROGRAMS in made.maps:
            for slot, name in case.entries:
                made.maps[PROGRAMS].update(slot, made.programs[name].fd)

    def _for_user(self, filled: FilledMap, value: bytes) -> bytes:
        """The same for every CPU."""
        if filled.shape.type not in PER_CPU:
            return value
        return value.ljust(_padded(len(value)), b"\0") * self.cpus

    def _run(self, case: Case, made: LoadedObject) -> Outcome:
        program, runs = made.programs[MAIN], []
        for packet in case.packets:
            result = program.test_run(packet.data, context=_context(packet))
            runs.append(Run(int(result.retval), result.data))
        maps = {
            name: self._elements(filled, made.maps[name])
            for name, filled in case.named_maps().items()
            if filled.shape.type in TABLES
        }
        return Outcome(runs=tuple(runs), maps=maps)

    def _elements(self, filled: FilledMap, map: Map) -> Elements:
        found = {}
        for key in _keys(map):
            value = map.lookup_bytes(key)
            found[key] = self._copies(filled, value)
        return found

    def _copies(self, filled: FilledMap, value: bytes) -> tuple[bytes, ...]:
        """One value, or the copy of the running CPU and then what the others have."""
        size = filled.shape.value_size
        if filled.shape.type not in PER_CPU:
            return (value,)
        step = _padded(size)
        copies = [value[start : start + size] for start in range(0, len(value), step)]
        own = copies.pop(self.cpu)
        return own, *sorted(set(copies))


def _refused(refusal: KernelError) -> Outcome:
    return Outcome(errno_name(refusal.errno or 0), refusal.reason, refusal.index)


def possible_cpus(lab: Lab) -> int:
    """How many copies a value of a per-CPU map has."""
    map = lab.create_map(MapType.BPF_MAP_TYPE_PERCPU_ARRAY, 4, _UNIT, 1)
    try:
        return len(map.lookup_bytes(bytes(4))) // _UNIT
    finally:
        map.close()


def _padded(size: int) -> int:
    return -(-size // _UNIT) * _UNIT


def _context(packet: Packet) -> Mapping[str, int] | None:
    if not packet.metadata:
        return None
    return {"data": packet.metadata, "data_end": len(packet.data)}


def _keys(map: Map) -> Iterator[bytes]:
    key: bytes | None = None
    while True:
        try:
            key = map.next_key_bytes(key)
        except KernelError:
            return
        yield key
