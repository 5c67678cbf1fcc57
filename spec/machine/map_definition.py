# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The maps an object file asks for: declared in ``.maps``, or holding its global variables."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import NamedTuple

from spec.errors import InputError
from spec.machine.btf import ARRAY, PTR, STRUCT, Btf, Member, Variable
from spec.machine.elf import (
    REMEDY,
    STB_LOCAL,
    STT_FUNC,
    STT_OBJECT,
    Elf,
    Relocation,
    Section,
    Symbol,
)
from spec.uapi import BPF_F_RDONLY_PROG, MAPS_OF_MAPS, MapType

BPF_F_MMAPABLE = 1 << 10

MAX_DATA = 64 << 20
"""Bytes of global variables that the machine is ready to hold in one section."""

DATA_SECTIONS = (".data", ".rodata", ".bss")

_NUMBERS = ("type", "max_entries", "map_flags", "numa_node", "key_size", "value_size", "map_extra")


class MapDefinition(NamedTuple):
    """A map to create.

    A map of global variables is called as their section and has its content as ``initial``.
    ``programs`` are ``(index, program name)`` pairs that a PROG_ARRAY begins with, ``maps`` the
    same of a map of maps, whose elements are like ``inner``.
    """

    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    map_flags: int
    initial: bytes | None = None
    section: str = ".maps"
    offset: int = 0
    programs: tuple[tuple[int, str], ...] = ()
    inner: MapDefinition | None = None
    maps: tuple[tuple[int, str], ...] = ()


def declared_maps(elf: Elf, btf: Btf) -> Iterator[MapDefinition]:
    """The maps of section ``.maps``, in the order of their addresses."""
    if elf.section("maps") is not None:
        problem = "declares maps in the legacy section 'maps'"
        raise InputError(elf.place, problem, 'declare them with BTF in SEC(".maps")')
    section = elf.section(".maps")
    if section is None:
        return
    symbols = {s.name: s for s in elf.symbols if s.section == section.number}
    variables = btf.variables(".maps")
    if not variables:
        problem = "has maps but no type information for them"
        raise InputError(elf.place, problem, "compile it with -g")
    initializers = elf.relocations(section)
    missing = [variable.name for variable in variables if variable.name not in symbols]
    if missing:
        raise InputError(elf.place, f"declares map {missing[0]} but does not hold it", REMEDY)
    for variable in sorted(variables, key=lambda each: symbols[each.name].value):
        yield _declared(elf, btf, variable, symbols[variable.name], initializers)


def _declared(
    elf: Elf, btf: Btf, variable: Variable, symbol: Symbol, initializers: list[Relocation]
) -> MapDefinition:
    place = f"{elf.place}: map {variable.name}"
    declared, values = _attributes(btf, variable.type, variable.name, place)
    if values is None:
        return declared._replace(offset=symbol.value)
    start = values.bits // 8
    if declared.type not in MAPS_OF_MAPS:
        programs = tuple(_initial(symbol, start, initializers, STT_FUNC))
        return declared._replace(offset=symbol.value, programs=programs)
    element = btf.resolve(values.type)
    if element.kind != ARRAY:
        raise InputError(place, "has values that are no array", "write them with __array")
    like = _pointee(btf, element.words[0][0], place)
    inner, _ = _attributes(btf, like, f"{variable.name}.inner", place)
    maps = tuple(_initial(symbol, start, initializers, STT_OBJECT))
    return declared._replace(offset=symbol.value, inner=inner, maps=maps)


def _attributes(
    btf: Btf, number: int, name: str, place: str
) -> tuple[MapDefinition, Member | None]:
    """What the structure with type *number* says, and its member ``values`` if it has one."""
    type, values = btf.resolve(number), None
    if type.kind != STRUCT:
        raise InputError(place, "is not a structure", "declare it with __uint and __type")
    numbers = dict.fromkeys(_NUMBERS, 0)
    for member in btf.members(type):
        if member.name in _NUMBERS:
            numbers[member.name] = _number(btf, member.type, place)
        elif member.name in ("key", "value"):
            size = btf.size(_pointee(btf, member.type, place))
            if numbers[f"{member.name}_size"] not in (0, size):
                problem = f"gives {member.name} two different sizes"
                raise InputError(place, problem, f"keep either {member.name} or its size")
            numbers[f"{member.name}_size"] = size
        elif member.name == "values":
            numbers["value_size"], values = 4, member
        elif member.name != "pinning":
            problem = f"has an unknown attribute {member.name!r}"
            raise InputError(place, problem, "use those that libbpf knows")
    if not numbers["type"]:
        raise InputError(place, "has no type", "add __uint(type, BPF_MAP_TYPE_...)")
    entries = numbers["max_entries"]
    if numbers["type"] == MapType.BPF_MAP_TYPE_RINGBUF:
        entries = _ring_size(entries)
    sizes = numbers["key_size"], numbers["value_size"], entries, numbers["map_flags"]
    return MapDefinition(name, numbers["type"], *sizes), values


def _ring_size(size: int) -> int:
    """The next power of two of pages, as ``libbpf.c: adjust_ringbuf_sz`` asks for."""
    if not size:
        return 0
    page = mmap.PAGESIZE
    return page << (-(-size // page) - 1).bit_length()


def _number(btf: Btf, number: int, place: str) -> int:
    """``__uint(name, n)`` is a pointer to an array of n elements."""
    array = btf.resolve(_pointee(btf, number, place))
    if array.kind != ARRAY:
        raise InputError(place, "has a number that is not one", "write it with __uint")
    return array.words[0][2]


def _pointee(btf: Btf, number: int, place: str) -> int:
    pointer = btf.resolve(number)
    if pointer.kind != PTR:
        raise InputError(place, "has an attribute of a wrong kind", "use __uint and __type")
    return pointer.size


def _initial(
    symbol: Symbol, start: int, initializers: list[Relocation], kind: int
) -> Iterator[tuple[int, str]]:
    """The programs or maps named in a map's initializer, eight bytes for each slot."""
    for relocation in initializers:
        offset = relocation.offset - symbol.value
        if start <= offset < symbol.size and relocation.symbol.type == kind:
            yield (offset - start) // 8, relocation.symbol.name


def data_maps(elf: Elf, btf: Btf) -> Iterator[MapDefinition]:
    """An array of one element for each section of global variables."""
    for section in elf.sections:
        if section.size and _is_data(section.name):
            yield _data_map(elf, btf, section)


def _is_data(name: str) -> bool:
    return any(name == base or name.startswith(f"{base}.") for base in DATA_SECTIONS)


def _data_map(elf: Elf, btf: Btf, section: Section) -> MapDefinition:
    if section.size > MAX_DATA:
        problem = f"section {section.name} has {section.size:,} bytes"
        raise InputError(elf.place, problem, f"keep it below {MAX_DATA:,}")
    flags = BPF_F_RDONLY_PROG if section.name.startswith(".rodata") else 0
    if any(variable.linkage != STB_LOCAL for variable in btf.variables(section.name)):
        flags |= BPF_F_MMAPABLE
    return MapDefinition(
        section.name,
        MapType.BPF_MAP_TYPE_ARRAY,
        4,
        section.size,
        1,
        flags,
        initial=section.data.ljust(section.size, b"\0"),
        section=section.name,
    )
