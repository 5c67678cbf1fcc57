# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reads the parts of a relocatable ELF64 file for the BPF target that loading needs."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, error
from typing import NamedTuple

from spec.errors import InputError

EM_BPF = 247
SHT_SYMTAB, SHT_NOBITS, SHT_REL = 2, 8, 9
SHF_EXECINSTR = 4
STT_OBJECT, STT_FUNC, STT_SECTION = 1, 2, 3
STB_LOCAL, STB_WEAK = 0, 2
SHN_UNDEF = 0

REMEDY = "compile it with clang or zig for the BPF target"


class Section(NamedTuple):
    """A section: ``data`` is empty for NOBITS, whose length is ``size``."""

    number: int
    name: str
    type: int
    flags: int
    data: bytes
    size: int
    link: int
    info: int


class Symbol(NamedTuple):
    """A symbol: ``value`` is a byte offset in the section with number ``section``."""

    name: str
    type: int
    binding: int
    section: int
    value: int
    size: int


class Relocation(NamedTuple):
    """A place (byte offset in its section) that refers to a symbol."""

    offset: int
    type: int
    symbol: Symbol


@dataclass(frozen=True)
class Elf:
    """A BPF object file; ``order`` is ``"<"`` or ``">"`` as ``struct`` spells byte order."""

    place: str
    order: str
    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]

    def section(self, name: str) -> Section | None:
        return next((section for section in self.sections if section.name == name), None)

    def relocations(self, target: Section) -> list[Relocation]:
        """The relocations of *target*, in the order of the file."""
        entry = Struct(self.order + "QQ")
        found: list[Relocation] = []
        for section in self.sections:
            if section.type != SHT_REL or section.info != target.number:
                continue
            if len(section.data) % entry.size:
                raise InputError(self.place, f"section {section.name} has a torn entry", REMEDY)
            for offset, info in entry.iter_unpack(section.data):
                if info >> 32 >= len(self.symbols):
                    problem = f"section {section.name} refers to a symbol that is not there"
                    raise InputError(self.place, problem, REMEDY)
                found.append(Relocation(offset, info & 0xFFFFFFFF, self.symbols[info >> 32]))
        return found


def text(strings: bytes, offset: int) -> str:
    """The NUL-terminated string at *offset*; ``ValueError`` outside of the table."""
    if offset >= len(strings):
        if offset == 0:
            return ""
        raise ValueError(f"string at {offset} lies outside of the string table")
    end = strings.find(b"\0", offset)
    return strings[offset : end if end >= 0 else len(strings)].decode("utf-8", "replace")


def parse_elf(data: bytes, place: str) -> Elf:
    """Read *data*; anything that is no whole BPF object raises ``InputError``."""
    if data[:4] != b"\x7fELF":
        raise InputError(place, "is not an ELF file", REMEDY)
    if len(data) < 64 or data[4] != 2 or data[5] not in (1, 2):
        raise InputError(place, "is not a 64-bit ELF file", REMEDY)
    order = "<" if data[5] == 1 else ">"
    try:
        return _parse(data, place, order)
    except (error, ValueError, IndexError, OverflowError) as problem:
        raise InputError(place, f"is a damaged ELF file ({problem})", REMEDY) from None


def _parse(data: bytes, place: str, order: str) -> Elf:
    kind, machine = Struct(order + "HH").unpack_from(data, 16)
    if machine != EM_BPF:
        raise InputError(place, f"is for ELF machine {machine}, not for BPF (247)", REMEDY)
    if kind != 1:
        raise InputError(place, "is not a relocatable object file", REMEDY)
    (offset,) = Struct(order + "Q").unpack_from(data, 40)
    entry_size, count, names_index = Struct(order + "HHH").unpack_from(data, 58)
    if entry_size != 64:
        raise ValueError(f"section headers of {entry_size} bytes")
    headers = [
        Struct(order + "IIQQQQIIQQ").unpack_from(data, offset + 64 * number)
        for number in range(count)
    ]
    names = _content(data, headers[names_index])
    sections = tuple(
        Section(
            number,
            text(names, header[0]),
            header[1],
            header[2],
            b"" if header[1] == SHT_NOBITS else _content(data, header),
            header[5],
            header[6],
            header[7],
        )
        for number, header in enumerate(headers)
    )
    return Elf(place, order, sections, _symbols(sections, order))


def _content(data: bytes, header: tuple[int, ...]) -> bytes:
    offset, size = header[4], header[5]
    if offset + size > len(data):
        raise ValueError("a section reaches past the end of the file")
    return data[offset : offset + size]


def _symbols(sections: tuple[Section, ...], order: str) -> tuple[Symbol, ...]:
    table = next((section for section in sections if section.type == SHT_SYMTAB), None)
    if table is None:
        return ()
    strings = sections[table.link].data
    return tuple(
        Symbol(
            text(strings, name) or _section_name(sections, info & 15, section),
            info & 15,
            info >> 4,
            section,
            value,
            size,
        )
        for name, info, _, section, value, size in Struct(order + "IBBHQQ").iter_unpack(table.data)
    )


def _section_name(sections: tuple[Section, ...], kind: int, index: int) -> str:
    return sections[index].name if kind == STT_SECTION and index < len(sections) else ""
