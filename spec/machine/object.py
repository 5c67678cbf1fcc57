# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An object file as a loader sees it: maps to create and XDP programs linked with what they call.

Mirrors ``tools/lib/bpf/libbpf.c: bpf_object_open, bpf_object__relocate``.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from spec.errors import InputError
from spec.machine.btf import Btf, parse_btf
from spec.machine.elf import REMEDY, Elf, parse_elf
from spec.machine.line_info import Lines, parse_line_info
from spec.machine.linker import link
from spec.machine.map_definition import MapDefinition, data_maps, declared_maps
from spec.machine.program import ProgramCode


@dataclass(frozen=True)
class ObjectFile:
    """What an object file asks the loader for."""

    path: str
    maps: tuple[MapDefinition, ...]
    programs: tuple[ProgramCode, ...]


def read_bytes(path: str | PathLike[str]) -> bytes:
    """The file's content; ``InputError`` if it can't be read."""
    try:
        return Path(path).read_bytes()
    except OSError as problem:
        remedy = "name an object file that exists and can be read"
        raise InputError(fspath(path), f"cannot be read ({problem.strerror})", remedy) from None


def read_object(path: str | PathLike[str]) -> ObjectFile:
    """Read an object made by clang or zig for the BPF target; ``InputError`` if unusable."""
    return parse_object(read_bytes(path), fspath(path))


def parse_object(data: bytes, path: str) -> ObjectFile:
    """Read an object file's bytes; *path* names it in errors and in the names of data maps."""
    elf = parse_elf(data, path)
    btf = _types(elf)
    try:
        maps = (*declared_maps(elf, btf), *data_maps(elf, btf))
        return ObjectFile(path, maps, tuple(link(elf, maps, _lines(elf))))
    except ValueError as problem:
        raise InputError(path, f"is a damaged object file ({problem})", REMEDY) from None


def _types(elf: Elf) -> Btf:
    section = elf.section(".BTF")
    if section is None:
        return Btf((), b"")
    return parse_btf(section.data, elf.order, elf.place)


def _lines(elf: Elf) -> Lines:
    section, types = elf.section(".BTF.ext"), elf.section(".BTF")
    if section is None or types is None:
        return {}
    strings = parse_btf(types.data, elf.order, elf.place).strings
    return parse_line_info(section.data, strings, elf.order, elf.place)
