# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes a minimal ELF object around instructions, so that any loader takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import NamedTuple, TypeAlias

from spec.machine.instruction import Instruction, encode
from spec.testing.differential.programs.assembly import Assembled
from spec.testing.differential.programs.type_information import MAP_SIZE, MapShape, describe

_HEADER = Struct("<16sHHIQQQIHHHHHH")
_SECTION = Struct("<IIQQQQIIQQ")
_SYMBOL = Struct("<IBBHQQ")
_RELOCATION = Struct("<QQ")

BPF = 247
PROGBITS, SYMTAB, STRTAB, RELOCATIONS = 1, 2, 3, 9
WRITE, ALLOC, EXECINSTR = 1, 2, 4
GLOBAL_OBJECT, GLOBAL_FUNCTION = 0x11, 0x12
REFERS, CALLS = 1, 10
"""``R_BPF_64_64`` and ``R_BPF_64_32``."""
TEXT = ".text"

Functions: TypeAlias = Mapping[str, Assembled]


def object_of(
    code: Iterable[Instruction], section: str = "xdp", name: str = "program", machine: int = BPF
) -> bytes:
    """An object with one program and a GPL license."""
    return write_object({name: Assembled(tuple(code), {}, {})}, section=section, machine=machine)


def write_object(
    programs: Functions,
    functions: Functions | None = None,
    maps: Sequence[MapShape] = (),
    section: str = "xdp",
    machine: int = BPF,
) -> bytes:
    """An object with *programs* in *section*, *functions* they call, *maps* and a GPL license.

    Without functions and maps there is no type information.
    """
    file = _File()
    code = {section: programs, **({TEXT: functions} if functions else {})}
    numbers = {
        name: file.add(name, PROGBITS, _bytes_of(each), ALLOC | EXECINSTR)
        for name, each in code.items()
    }
    for name, each in code.items():
        file.add_functions(each, numbers[name])
    if maps:
        number = file.add(".maps", PROGBITS, bytes(MAP_SIZE * len(maps)), ALLOC | WRITE)
        for place, shape in enumerate(maps):
            file.add_symbol(shape.name, GLOBAL_OBJECT, number, MAP_SIZE * place, MAP_SIZE)
    if maps or functions:
        types = describe(maps, {name: _starts(each) for name, each in code.items()})
        file.add(".BTF", PROGBITS, types.types)
        file.add(".BTF.ext", PROGBITS, types.extension)
    file.add("license", PROGBITS, b"GPL\0", ALLOC | WRITE)
    for name, each in code.items():
        file.relocate(name, each, numbers[name])
    return file.finish(machine)


def _bytes_of(functions: Functions) -> bytes:
    return b"".join(encode(each) for one in functions.values() for each in one.code)


def _starts(functions: Functions) -> Mapping[str, int]:
    """Where each of *functions* begins, in bytes from the first one."""
    starts, offset = {}, 0
    for name, function in functions.items():
        starts[name] = offset
        offset += 8 * len(function.code)
    return starts


class _Section(NamedTuple):
    """A section to be; the symbol table stands behind all others."""

    name: str
    type: int
    data: bytes
    flags: int
    info: int
    entry: int


class _File:
    def __init__(self) -> None:
        self.sections: list[_Section] = []
        self.symbols = [_SYMBOL.pack(0, 0, 0, 0, 0, 0)]
        self.numbers: dict[str, int] = {}
        self.strings = b"\0"

    def add(
        self, name: str, type: int, data: bytes, flags: int = 0, info: int = 0, entry: int = 0
    ) -> int:
        """A section; its number."""
        self.sections.append(_Section(name, type, data, flags, info, entry))
        return len(self.sections)

    def add_functions(self, functions: Functions, section: int) -> None:
        """A symbol for each of *functions*, which lie one after the other in *section*."""
        for name, start in _starts(functions).items():
            size = 8 * len(functions[name].code)
            self.add_symbol(name, GLOBAL_FUNCTION, section, start, size)

    def add_symbol(self, name: str, kind: int, section: int, offset: int, size: int) -> None:
        self.numbers[name] = len(self.symbols)
        self.symbols.append(_SYMBOL.pack(self._string(name), kind, 0, section, offset, size))

    def relocate(self, name: str, functions: Functions, section: int) -> None:
        """Say which instructions of *section* name maps and functions, if there are any."""
        found, base = b"", 0
        for function in functions.values():
            for names, kind in ((function.maps, REFERS), (function.calls, CALLS)):
                for index, target in names.items():
                    place = 8 * (base + index)
                    found += _RELOCATION.pack(place, self.numbers[target] << 32 | kind)
            base += len(function.code)
        if found:
            self.add(f".rel{name}", RELOCATIONS, found, info=section, entry=_RELOCATION.size)

    def finish(self, machine: int) -> bytes:
        symbols = self.add(".symtab", SYMTAB, b"".join(self.symbols), info=1, entry=_SYMBOL.size)
        names = [self._string(each.name) for each in self.sections] + [self._string(".strtab")]
        strings = _Section("", STRTAB, self.strings, 0, 0, 0)
        headers, content = _SECTION.pack(*[0] * 10), b""
        links = {SYMTAB: symbols + 1, RELOCATIONS: symbols}
        for name, section in zip(names, [*self.sections, strings], strict=True):
            _, type, data, flags, info, entry = section
            place = _HEADER.size + len(content), len(data)
            link, align = links.get(type, 0), 1 if type == STRTAB else 8
            headers += _SECTION.pack(name, type, flags, 0, *place, link, info, align, entry)
            content += data.ljust(-(-len(data) // 8) * 8, b"\0")
        identity, start, count = b"\x7fELF\x02\x01\x01", _HEADER.size + len(content), len(names) + 1
        header = _HEADER.pack(
            identity, 1, machine, 1, 0, 0, start, 0, 64, 0, 0, 64, count, count - 1
        )
        return header + content + headers

    def _string(self, text: str) -> int:
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text) - 1
