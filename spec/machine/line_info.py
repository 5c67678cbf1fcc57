# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reads ``.BTF.ext``: which source line each instruction came from."""

from __future__ import annotations

from struct import Struct, error
from typing import NamedTuple

from spec.errors import InputError
from spec.machine.btf import MAGIC
from spec.machine.elf import REMEDY, text


class Line(NamedTuple):
    """A source line: the file as ``#line`` named it, its 1-based number, and its text."""

    file: str
    number: int
    text: str


Lines = dict[str, dict[int, Line]]
"""Section name, then byte offset of the instruction."""


def parse_line_info(data: bytes, strings: bytes, order: str, place: str) -> Lines:
    """Read a ``.BTF.ext`` section with the strings of ``.BTF``."""
    try:
        return _parse(data, strings, order)
    except (error, ValueError, IndexError, OverflowError) as problem:
        raise InputError(place, f"has damaged line information ({problem})", REMEDY) from None


def _parse(data: bytes, strings: bytes, order: str) -> Lines:
    magic, version, _, header, _, _, start, size = Struct(order + "HBBIIIII").unpack_from(data)
    if magic != MAGIC or version != 1:
        raise ValueError(f"magic {magic:#x}, version {version}")
    lines: Lines = {}
    if not size:
        return lines
    position, end = header + start, header + start + size
    if end > len(data):
        raise ValueError("BTF.ext section is cut short")
    word, block = Struct(order + "I"), Struct(order + "II")
    (record_size,) = word.unpack_from(data, position)
    if record_size < 16:
        raise ValueError(f"records of {record_size} bytes")
    position += 4
    while position < end:
        name, count = block.unpack_from(data, position)
        position += 8
        if position + count * record_size > end:
            raise ValueError("line records reach past their section")
        section = lines.setdefault(text(strings, name), {})
        for number in range(count):
            offset, file, source, where = Struct(order + "IIII").unpack_from(
                data, position + number * record_size
            )
            section[offset] = Line(text(strings, file), where >> 10, text(strings, source))
        position += count * record_size
    return lines
