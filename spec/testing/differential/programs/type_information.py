# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The type information (BTF) by which an object file declares its maps and functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import pack
from typing import NamedTuple

INT, PTR, ARRAY, STRUCT, FUNC, PROTOTYPE, VAR, DATASEC = 1, 2, 3, 4, 12, 13, 14, 15
GLOBAL, SIGNED = 1, 1 << 24
MAGIC, HEADER_SIZE = 0xEB9F, 24
POINTER_SIZE = 8


class MapShape(NamedTuple):
    """A map that an object declares."""

    name: str
    type: int
    key_size: int = 4
    value_size: int = 4
    max_entries: int = 4
    map_flags: int = 0


MAP_SIZE = POINTER_SIZE * len(MapShape._fields[1:])
"""Bytes that each map has in section ``.maps``."""


class TypeInformation(NamedTuple):
    """Sections ``.BTF`` and ``.BTF.ext``."""

    types: bytes
    extension: bytes


def describe(
    maps: Sequence[MapShape], functions: Mapping[str, Mapping[str, int]]
) -> TypeInformation:
    """What ``clang -g`` would say of *maps* and *functions*.

    *functions* has for each section with code the names of its functions, and the byte where each
    begins. They are static functions that return ``int``, and all on one line.
    """
    writer = _Writer()
    variables = [writer.variable(shape) for shape in maps]
    if variables:
        places = (pack("<III", each, at * MAP_SIZE, MAP_SIZE) for at, each in enumerate(variables))
        writer.type(".maps", DATASEC, len(maps), MAP_SIZE * len(maps), b"".join(places))
    prototype = writer.type("", PROTOTYPE, 0, writer.word)
    infos, lines = pack("<I", 8), pack("<I", 16)
    for section, names in functions.items():
        infos += pack("<II", writer.string(section), len(names))
        lines += pack("<II", writer.string(section), len(names))
        for name, offset in names.items():
            infos += pack("<II", offset, writer.type(name, FUNC, 0, prototype))
            lines += pack("<IIII", offset, writer.string("random.c"), writer.string(name), 1 << 10)
    data = writer.types + writer.strings
    sizes = 0, len(writer.types), len(writer.types), len(writer.strings)
    extension_sizes = 0, len(infos), len(infos), len(lines)
    return TypeInformation(_header(sizes) + data, _header(extension_sizes) + infos + lines)


def _header(parts: tuple[int, int, int, int]) -> bytes:
    """The header of either section, with offset and size of its two parts."""
    return pack("<HBBIIIII", MAGIC, 1, 0, HEADER_SIZE, *parts)


class _Writer:
    def __init__(self) -> None:
        self.types, self.strings, self.count = b"", b"\0", 0
        self.names: dict[str, int] = {"": 0}
        self.numbers: dict[int, int] = {}
        self.word = self.type("int", INT, 0, 4, pack("<I", SIGNED | 32))

    def type(self, name: str, kind: int, members: int, size: int, rest: bytes = b"") -> int:
        """A type; its number."""
        self.types += pack("<III", self.string(name), kind << 24 | members, size) + rest
        self.count += 1
        return self.count

    def variable(self, shape: MapShape) -> int:
        """The structure behind ``struct { __uint(type, ...); ... } name SEC(".maps")``."""
        members = b""
        for position, (name, number) in enumerate(
            zip(MapShape._fields[1:], shape[1:], strict=True)
        ):
            place = 8 * POINTER_SIZE * position
            members += pack("<III", self.string(name), self._number(number), place)
        structure = self.type("", STRUCT, len(shape[1:]), MAP_SIZE, members)
        return self.type(shape.name, VAR, 0, structure, pack("<I", GLOBAL))

    def _number(self, number: int) -> int:
        """``__uint(name, number)`` is a pointer to an array of so many integers."""
        if number not in self.numbers:
            array = self.type("", ARRAY, 0, 0, pack("<III", self.word, self.word, number))
            self.numbers[number] = self.type("", PTR, 0, array)
        return self.numbers[number]

    def string(self, text: str) -> int:
        """Where *text* is among the strings."""
        if text not in self.names:
            self.names[text] = len(self.strings)
            self.strings += text.encode() + b"\0"
        return self.names[text]
