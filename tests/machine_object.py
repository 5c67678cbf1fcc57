# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes a minimal ELF object around instructions, so that any loader takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct

from spec.machine.instruction import Instruction, encode

_HEADER = Struct("<16sHHIQQQIHHHHHH")
_SECTION = Struct("<IIQQQQIIQQ")
_SYMBOL = Struct("<IBBHQQ")


def object_of(
    code: Iterable[Instruction], section: str = "xdp", name: str = "program", machine: int = 247
) -> bytes:
    """An object with one program and a GPL license."""
    text = b"".join(encode(each) for each in code)
    strings = _Strings()
    symbols = _SYMBOL.pack(0, 0, 0, 0, 0, 0) + _SYMBOL.pack(
        strings.add(name), 0x12, 0, 1, 0, len(text)
    )
    bodies = [
        (section, 1, 6, text, 0, 0, 8, 0),
        ("license", 1, 3, b"GPL\0", 0, 0, 1, 0),
        (".symtab", 2, 0, symbols, 4, 1, 8, _SYMBOL.size),
    ]
    return _assemble(bodies, strings, machine)


class _Strings:
    def __init__(self) -> None:
        self.data = b"\0"

    def add(self, text: str) -> int:
        self.data += text.encode() + b"\0"
        return len(self.data) - len(text) - 1


def _assemble(
    bodies: Sequence[tuple[str, int, int, bytes, int, int, int, int]],
    strings: _Strings,
    machine: int,
) -> bytes:
    headers = _SECTION.pack(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    names = [strings.add(body[0]) for body in bodies] + [strings.add(".strtab")]
    content = b""
    for name, (_, type, flags, data, link, info, align, entry) in zip(names, bodies, strict=False):
        offset = _HEADER.size + len(content)
        headers += _SECTION.pack(name, type, flags, 0, offset, len(data), link, info, align, entry)
        content += data.ljust(-(-len(data) // 8) * 8, b"\0")
    offset = _HEADER.size + len(content)
    headers += _SECTION.pack(names[-1], 3, 0, 0, offset, len(strings.data), 0, 0, 1, 0)
    content += strings.data.ljust(-(-len(strings.data) // 8) * 8, b"\0")
    count = len(bodies) + 2
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    start = _HEADER.size + len(content)
    header = _HEADER.pack(identity, 1, machine, 1, 0, 0, start, 0, 64, 0, 0, 64, count, count - 1)
    return header + content + headers
