# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Joins each program of an object file with the functions it calls and the maps it names.

Mirrors ``tools/lib/bpf/libbpf.c: bpf_object__add_programs, bpf_object__reloc_code``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from spec.errors import InputError
from spec.machine.elf import (
    REMEDY,
    SHF_EXECINSTR,
    SHN_UNDEF,
    STB_LOCAL,
    STB_WEAK,
    STT_FUNC,
    Elf,
    Section,
    Symbol,
)
from spec.machine.instruction import (
    CALL_OPCODE,
    CALL_PROGRAM,
    LOAD_IMMEDIATE,
    PSEUDO_FUNC,
    Instruction,
    decode,
)
from spec.machine.line_info import Line, Lines
from spec.machine.map_definition import MapDefinition
from spec.machine.program import OTHER_TYPES, SECTIONS, Function, ProgramCode, Reference

R_BPF_64_64, R_BPF_64_32 = 1, 10

ABSENT_FUNCTION = 2002000000
"""A call that loading refuses where it can be reached (``libbpf.c: POISON_CALL_KFUNC_BASE``)."""


def link(elf: Elf, maps: Sequence[MapDefinition], lines: Lines) -> Iterator[ProgramCode]:
    """Every XDP program of *elf*.

    Those in a section marked ``?`` are not loaded by default, and those of other types not here.
    """
    license = elf.section("license")
    terms = license.data.rstrip(b"\0").decode("latin-1") if license else ""
    for section in elf.sections:
        if not section.flags & SHF_EXECINSTR or not section.size or section.name == ".text":
            continue
        if section.name.startswith("?") or _is_of_other_type(section.name):
            continue
        if section.name not in SECTIONS:
            problem = f"section {section.name!r} holds no XDP program"
            remedy = f"name it one of {', '.join(SECTIONS)}"
            raise InputError(elf.place, problem, remedy)
        for symbol in _functions(elf, section):
            if symbol.binding == STB_LOCAL:
                problem = f"program {symbol.name} is static"
                raise InputError(elf.place, problem, "make it global")
            yield _Linker(elf, maps, lines).program(section, symbol, terms)


def _is_of_other_type(section: str) -> bool:
    return re.split("[/.]", section)[0] in OTHER_TYPES


def _functions(elf: Elf, section: Section) -> list[Symbol]:
    found = [s for s in elf.symbols if s.type == STT_FUNC and s.section == section.number]
    for symbol in found:
        if symbol.value % 8 or symbol.size % 8 or not symbol.size:
            raise ValueError(f"function {symbol.name} is no sequence of instructions")
        if symbol.value + symbol.size > len(section.data):
            raise ValueError(f"function {symbol.name} reaches past its section")
    return sorted(found, key=lambda symbol: symbol.value)


class _Linker:
    """Collects the code of one program; functions are appended as they are first called."""

    def __init__(self, elf: Elf, maps: Sequence[MapDefinition], lines: Lines) -> None:
        self.elf, self.maps, self.all_lines = elf, maps, lines
        self.code: list[Instruction] = []
        self.references: dict[int, Reference] = {}
        self.absent: dict[int, str] = {}
        self.lines: dict[int, Line] = {}
        self.starts: dict[tuple[int, int], int] = {}
        self.names: list[Function] = []

    def program(self, section: Section, symbol: Symbol, terms: str) -> ProgramCode:
        attach_type, has_frags = SECTIONS[section.name]
        self._append(section, symbol)
        return ProgramCode(
            symbol.name,
            section.name,
            attach_type,
            has_frags,
            tuple(self.code),
            self.references,
            self.lines,
            tuple(self.names),
            terms,
            self.absent,
            self.elf.order,
            self.elf.place,
        )

    def _append(self, section: Section, symbol: Symbol) -> int:
        base, first = len(self.code), symbol.value // 8
        self.starts[section.number, first] = base
        self.names.append(Function(symbol.name, base))
        data = section.data[symbol.value : symbol.value + symbol.size]
        self.code += decode(data, self.elf.order)
        end = len(self.code)
        line: Line | None = None
        for index in range(base, end):
            # A record stands for its instruction and those that follow up to the next record.
            line = self.all_lines.get(section.name, {}).get(8 * (first + index - base), line)
            if line:
                self.lines[index] = line
        relocations = {
            relocation.offset // 8 - first + base: relocation
            for relocation in self.elf.relocations(section)
            if symbol.value <= relocation.offset < symbol.value + symbol.size
        }
        for index in range(base, end):
            relocation = relocations.get(index)
            local = first + index - base
            self._relocate(index, relocation.symbol if relocation else None, section, local)
        return base

    def _relocate(self, index: int, symbol: Symbol | None, section: Section, local: int) -> None:
        instruction = self.code[index]
        is_call = instruction.opcode == CALL_OPCODE and instruction.src == CALL_PROGRAM
        if symbol is None:
            if is_call:
                self._call(index, section, local + 1 + instruction.imm)
            return
        if symbol.section == SHN_UNDEF:
            self._absent(index, symbol)
            return
        if symbol.section >= len(self.elf.sections):
            raise ValueError(f"symbol {symbol.name} is in no section")
        target = self.elf.sections[symbol.section]
        if instruction.opcode == CALL_OPCODE:
            self._call(index, target, symbol.value // 8 + instruction.imm + 1)
        elif instruction.opcode != LOAD_IMMEDIATE:
            raise ValueError(f"a relocation names {instruction}, which refers to nothing")
        elif target.flags & SHF_EXECINSTR:
            self._callback(index, target, (symbol.value + instruction.imm) // 8)
        else:
            self._refer(index, target, symbol)

    def _absent(self, index: int, symbol: Symbol) -> None:
        """What the kernel may have and the machine has not: null if the program asks first."""
        if symbol.binding != STB_WEAK:
            problem = f"refers to {symbol.name!r}, which it does not define"
            remedy = "define it in the same object; the machine has no kernel functions"
            raise InputError(self.elf.place, problem, remedy)
        imm = 0
        if self.code[index].opcode == CALL_OPCODE:
            self.absent[index], imm = symbol.name, ABSENT_FUNCTION
        self.code[index] = self.code[index]._replace(src=0, imm=imm)

    def _refer(self, index: int, target: Section, symbol: Symbol) -> None:
        """Point the instruction at a map, or at a global variable inside of one."""
        offset = symbol.value + self.code[index].imm
        for definition in self.maps:
            if definition.section != target.name:
                continue
            if definition.initial is not None:
                if not 0 <= offset <= definition.value_size:
                    raise ValueError(f"{symbol.name} lies outside of {target.name}")
                self.references[index] = Reference(definition.name, offset)
                return
            if definition.offset == symbol.value:
                self.references[index] = Reference(definition.name, None)
                return
        problem = f"refers to {symbol.name!r} in section {target.name!r}, which holds no map"
        raise InputError(self.elf.place, problem, REMEDY)

    def _call(self, index: int, section: Section, target: int) -> None:
        start = self._start(section, target)
        self.code[index] = self.code[index]._replace(imm=start - index - 1, src=CALL_PROGRAM)

    def _callback(self, index: int, section: Section, target: int) -> None:
        start = self._start(section, target)
        self.code[index] = self.code[index]._replace(imm=start - index - 1, src=PSEUDO_FUNC)

    def _start(self, section: Section, target: int) -> int:
        """Where the function beginning at instruction *target* of *section* is in the program."""
        if (section.number, target) in self.starts:
            return self.starts[section.number, target]
        for symbol in _functions(self.elf, section):
            if symbol.value // 8 == target:
                return self._append(section, symbol)
        raise ValueError(f"a call goes to {section.name}+{target}, where no function begins")
