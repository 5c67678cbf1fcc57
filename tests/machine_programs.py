# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Small programs, a host and maps for the tests of the BPF machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spec.frame import Frame
from spec.machine import Executable, MachineFault, load, read_object
from spec.machine.flow import Flow
from spec.machine.host import Context, ProgramMap
from spec.machine.instruction import Instruction
from spec.machine.object import ObjectFile
from spec.machine.program import Function, ProgramCode, Reference
from spec.maps.ordinary import TYPES, create
from spec.release import Release
from spec.uapi import XDP_REDIRECT, MapType

ENGINES = ("interpreter", "translator")


def program(
    *code: Instruction,
    functions: Sequence[int] = (0,),
    references: Mapping[int, Reference] | None = None,
    attach_type: int = 0,
) -> ProgramCode:
    """A program of just these instructions."""
    names = tuple(Function(f"function_{start}", start) for start in functions)
    return ProgramCode("program", "xdp", attach_type, False, code, references or {}, {}, names)


def frame_64() -> Frame:
    """A fresh frame of 64 different bytes."""
    return Frame.of(bytes(range(64)))


@dataclass
class RedirectMap:
    """As much of a redirect map as the machine sees."""

    type: MapType
    key_size: int = 4
    value_size: int = 4
    max_entries: int = 4
    id: int = 7
    name: str = "redirect_map"

    def program_lookup(self, key: bytes) -> bytes | None:
        return bytes([3, 0, 0, 0] + [0] * (self.value_size - 4)) if key == bytes(4) else None

    def program_update(self, key: bytes, value: bytes, flags: int) -> int:  # noqa: ARG002
        raise AssertionError("no program gets here")

    def program_delete(self, key: bytes) -> int:  # noqa: ARG002
        raise AssertionError("no program gets here")


@dataclass
class Recorder:
    """A host that notes what it is asked."""

    asked: list[tuple[object, ...]] = field(default_factory=list)
    processor: int = 0

    def redirect(self, ifindex: int, flags: int) -> int:
        self.asked.append(("redirect", ifindex, flags))
        return XDP_REDIRECT

    def redirect_map(self, map: ProgramMap, key: int, flags: int) -> int:
        self.asked.append(("redirect_map", map.name, key, flags))
        return XDP_REDIRECT

    def ktime_ns(self) -> int:
        return 1_000_000

    def cpu(self) -> int:
        return self.processor

    def random_u32(self) -> int:
        return 0x12345678

    def printk(self, text: str) -> None:
        self.asked.append(("printk", text))

    def mtu(self, ingress_ifindex: int, ifindex: int) -> int | None:
        self.asked.append(("mtu", ingress_ifindex, ifindex))
        return 1500 if ifindex < 2 else None


def make_map(
    type: int, key_size: int, value_size: int, max_entries: int, map_flags: int = 0
) -> ProgramMap:
    """A map of any type the machine knows."""
    if type in TYPES:
        return create(type, key_size, value_size, max_entries, map_flags)
    return RedirectMap(MapType(type), key_size, value_size, max_entries)


def make_maps(object: ObjectFile) -> dict[str, ProgramMap]:
    """The maps an object file asks for, global variables filled in."""
    maps: dict[str, ProgramMap] = {}
    for definition in object.maps:
        map = make_map(*definition[1:6])
        map.name = definition.name
        if definition.initial is not None:
            map.update_bytes(bytes(4), definition.initial, 0)  # type: ignore[attr-defined]
        maps[definition.name] = map
    return maps


def load_object(path: Path, name: str, engine: str) -> tuple[Executable, dict[str, ProgramMap]]:
    """Program *name* of an object file, with fresh maps."""
    object = read_object(path)
    maps = make_maps(object)
    code = next(each for each in object.programs if each.name == name)
    return load(code, maps, engine=engine), maps


def run(
    code: ProgramCode,
    engine: str,
    frame: Frame | None = None,
    maps: Mapping[str, ProgramMap] | None = None,
    host: Recorder | None = None,
) -> int:
    """What *code* returns."""
    executable = load(code, maps or {}, engine=engine)
    context = Context(frame or Frame.of(bytes(range(64))), 11, 22, 33)
    return executable.run(context, host or Recorder())


def outcome(code: ProgramCode, engine: str, maps: Mapping[str, ProgramMap] | None = None) -> str:
    """What *code* comes to, including its end by a fault; the load checks are left out."""
    frame = Frame.of(bytes(range(64)))
    maps = maps or {}
    executable = Executable(code, maps, engine, Flow(code, maps), Release())
    try:
        result = str(executable.run(Context(frame, 11, 22, 33), Recorder()))
    except MachineFault as problem:
        result = str(problem)
    return f"{result} {frame.meta} {frame.start} {frame.end} {frame.memory.hex()}"
