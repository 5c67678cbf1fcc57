# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reads BTF, the type information of BPF objects and kernels (``include/uapi/linux/btf.h``)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, error
from typing import NamedTuple

from spec.errors import InputError
from spec.lab import Field
from spec.machine.elf import REMEDY, parse_elf, text

MAGIC = 0xEB9F

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT = range(1, 12)
FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(12, 20)

_TAIL_WORDS = {INT: 1, ARRAY: 3, VAR: 1, DECL_TAG: 1}
_MEMBER_WORDS = {STRUCT: 3, UNION: 3, ENUM: 2, FUNC_PROTO: 2, DATASEC: 3, ENUM64: 3}
_MODIFIERS = (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG)
_POINTER_SIZE = 8


class Member(NamedTuple):
    """A member of a structure or union; ``bits`` is the offset in bits."""

    name: str
    type: int
    bits: int


class Variable(NamedTuple):
    """A variable of a DATASEC."""

    name: str
    type: int
    linkage: int


class Type(NamedTuple):
    """One BTF type: ``size`` doubles as the referenced type's id; ``words`` is what follows."""

    name: str
    kind: int
    kind_flag: bool
    size: int
    words: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Btf:
    """The types of one object, by id; id 0 is ``void``."""

    types: tuple[Type, ...]
    strings: bytes

    def named(self, name: str, *kinds: int) -> int | None:
        """The id of the type called *name* of one of *kinds*."""
        for number, type in enumerate(self.types):
            if type.name == name and type.kind in kinds:
                return number
        return None

    def resolve(self, number: int) -> Type:
        """The type behind typedefs and qualifiers; ``ValueError`` if it never ends."""
        for _ in range(64):
            type = self._type(number)
            if type.kind not in _MODIFIERS:
                return type
            number = type.size
        raise ValueError("typedefs refer to each other without end")

    def size(self, number: int, depth: int = 0) -> int:
        """Bytes that a value of the type takes; ``ValueError`` where it has no size."""
        type = self.resolve(number)
        if depth > 32:
            raise ValueError("array types nest without end")
        if type.kind == PTR:
            return _POINTER_SIZE
        if type.kind == ARRAY:
            element, _, count = type.words[0]
            return self.size(element, depth + 1) * count
        if type.kind in (INT, STRUCT, UNION, ENUM, ENUM64, FLOAT, DATASEC):
            return type.size
        raise ValueError(f"type {type.name!r} has no size")

    def members(self, type: Type) -> list[Member]:
        """Members of a structure or union in order."""
        mask = 0xFFFFFF if type.kind_flag else 0xFFFFFFFF
        return [
            Member(self._string(name), number, bits & mask) for name, number, bits in type.words
        ]

    def variables(self, section: str) -> list[Variable]:
        """The variables of the DATASEC called *section*."""
        number = self.named(section, DATASEC)
        if number is None:
            return []
        found = []
        for variable, _, _ in self.types[number].words:
            type = self._type(variable)
            if type.kind == VAR:
                found.append(Variable(type.name, type.size, type.words[0][0]))
        return found

    def layout(self, name: str) -> tuple[Field, ...]:
        """Fields of ``struct name``, flattened: an anonymous member's fields take its place."""
        number = self.named(name, STRUCT, UNION)
        if number is None:
            raise ValueError(f"there is no struct {name}")
        return tuple(self._fields(number, "", 0))

    def _fields(self, number: int, prefix: str, base: int) -> list[Field]:
        fields: list[Field] = []
        for member in self.members(self.resolve(number)):
            inner = self.resolve(member.type)
            offset = base + member.bits // 8
            name = f"{prefix}{member.name}"
            if inner.kind in (STRUCT, UNION):
                fields += self._fields(member.type, f"{name}." if member.name else prefix, offset)
            else:
                fields.append(Field(name, offset, self.size(member.type)))
        return fields

    def _type(self, number: int) -> Type:
        if number >= len(self.types):
            raise ValueError(f"type {number} is not there")
        return self.types[number]

    def _string(self, offset: int) -> str:
        return text(self.strings, offset)


def parse_btf(data: bytes, order: str, place: str) -> Btf:
    """Read a ``.BTF`` section; damaged data raises ``InputError``."""
    try:
        return _parse(data, order)
    except (error, ValueError, IndexError, OverflowError) as problem:
        raise InputError(place, f"has damaged type information ({problem})", REMEDY) from None


def _parse(data: bytes, order: str) -> Btf:
    magic, version, _, header, types_at, types_size, strings_at, strings_size = Struct(
        order + "HBBIIIII"
    ).unpack_from(data)
    if magic != MAGIC or version != 1:
        raise ValueError(f"magic {magic:#x}, version {version}")
    if header + max(types_at + types_size, strings_at + strings_size) > len(data):
        raise ValueError("BTF section is cut short")
    strings = data[header + strings_at : header + strings_at + strings_size]
    raw = data[header + types_at : header + types_at + types_size]
    head, word = Struct(order + "III"), order + "I"
    types = [Type("void", 0, False, 0, ())]
    position = 0
    while position < len(raw):
        name, info, size = head.unpack_from(raw, position)
        position += head.size
        kind, count = info >> 24 & 31, info & 0xFFFF
        if not INT <= kind <= ENUM64:
            raise ValueError(f"type {len(types)} is of unknown kind {kind}")
        width = _TAIL_WORDS.get(kind) or _MEMBER_WORDS.get(kind, 0)
        rows = 1 if kind in _TAIL_WORDS else count if width else 0
        words = Struct(f"{word[0]}{width * rows}I").unpack_from(raw, position)
        position += 4 * width * rows
        split = tuple(words[row * width : (row + 1) * width] for row in range(rows))
        types.append(Type(text(strings, name), kind, bool(info >> 31), size, split))
    return Btf(tuple(types), strings)


def structure(path: str, name: str) -> tuple[Field, ...]:
    """Layout of ``struct name`` as the object file at *path*, compiled with ``-g``, has it.

    A union lists each of its members; an anonymous member's fields stand in its place.
    """
    from spec.machine.object import read_bytes

    elf = parse_elf(read_bytes(path), path)
    section = elf.section(".BTF")
    if section is None:
        raise InputError(path, "has no type information", "compile it with -g")
    try:
        return parse_btf(section.data, elf.order, path).layout(name)
    except ValueError as problem:
        raise InputError(path, str(problem), f"define struct {name} in it") from None
