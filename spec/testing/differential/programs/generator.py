# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Makes up cases that the verifier takes: programs, what they call, maps and packets."""

from __future__ import annotations

from collections.abc import Mapping

from spec.machine.instruction import ALU64, LSH, RSH, XOR, X
from spec.testing.differential.choices import Choices
from spec.testing.differential.programs.assembly import EXIT, Line, Lines
from spec.testing.differential.programs.branches import leave
from spec.testing.differential.programs.builder import ARGUMENTS, SAVED, Builder, Signature
from spec.testing.differential.programs.case import MAIN, Case, Packet, pruned
from spec.testing.differential.programs.known import (
    A_NUMBER,
    CALLER,
    CONTEXT,
    NUMBER,
    Content,
)
from spec.testing.differential.programs.map_choice import PROGRAMS, FilledMap, choose_maps
from spec.testing.differential.programs.packets import check_packet
from spec.testing.differential.programs.statements import write
from spec.testing.differential.programs.type_information import MapShape
from spec.testing.differential.programs.version import Version
from spec.uapi import MapType

STACK, FUNCTION_STACK = 128, 64
"""Bytes of stack that a program and a function use: eight calls deep, 512 must do."""
LENGTHS = (64, 60, 128, 14, 15, 33, 42, 66, 200, 1500, 3300)
FRAGMENTED = (3520, 3521, 3600, 7616, 7617, 9000)
CONTEXT_ARGUMENT = Content(CONTEXT)


def make_case(choices: Choices, version: Version, packets: int = 16) -> Case:
    """A case that *version* can express, with so many packets."""
    maps = choose_maps(choices)
    if choices.chance(0.2):
        array = MapShape(PROGRAMS, MapType.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, choices.integer(1, 4))
        maps = (*maps, FilledMap(array))
    has_frags = choices.chance(0.1)
    shapes = [each.shape for each in maps]
    functions: dict[str, Lines] = {}
    signatures: dict[str, Signature] = {}
    for number in range(choices.one_of((0, 0, 0, 1, 1, 2, 3))):
        name = f"function_{number}"
        builder = Builder(choices, version, shapes, name, FUNCTION_STACK)
        signature = _signature(choices)
        functions[name] = _function(builder, signature, signatures)
        signatures[name] = signature
    names = [MAIN]
    if maps and maps[-1].shape.name == PROGRAMS:
        names += ["next", "last"][: choices.integer(0, 2)]
    programs = {
        name: _program(Builder(choices, version, shapes, name, STACK), signatures) for name in names
    }
    case = Case(tuple(programs.items()), tuple(functions.items()), maps)
    entries = _entries(choices, names, maps)
    inputs = tuple(_packet(choices, has_frags) for _ in range(packets))
    return pruned(case._replace(entries=entries, packets=inputs, has_frags=has_frags))


def _signature(choices: Choices) -> Signature:
    kinds = (A_NUMBER, CONTEXT_ARGUMENT, Content(CALLER, 0, "", 8 * choices.integer(1, 2)))
    count = choices.integer(0, len(ARGUMENTS))
    signature = [choices.one_of(kinds) for _ in range(count)]
    if choices.chance(0.6) and count:
        signature[0] = CONTEXT_ARGUMENT
    return Signature(tuple(signature), not choices.chance(0.15))


def _function(builder: Builder, signature: Signature, others: Mapping[str, Signature]) -> Lines:
    for register, content in enumerate(signature.arguments, 1):
        builder.set(register, content)
    if CONTEXT_ARGUMENT in signature.arguments:
        _save_context(builder, signature.arguments.index(CONTEXT_ARGUMENT) + 1)
    builder.functions = dict(others)
    write(builder, builder.choices.integer(1, 8))
    return _finish(builder, signature.returns)


def _program(builder: Builder, functions: Mapping[str, Signature]) -> Lines:
    builder.set(1, CONTEXT_ARGUMENT)
    _save_context(builder, 1)
    builder.functions = dict(functions)
    if builder.choices.chance(0.7):
        check_packet(builder)
    write(builder, builder.choices.integer(1, 24))
    return _finish(builder)


def _save_context(builder: Builder, register: int) -> None:
    """Keep the context where calls leave it alone."""
    builder.context = builder.choices.one_of(SAVED)
    builder.copy(builder.context, register)
    builder.pinned.add(builder.context)


def _finish(builder: Builder, returns: bool = True) -> Lines:
    """Mix every number into r0 and exit; the emergency exit is behind, where one is used.

    Who *returns* nothing leaves r0 as it is.
    """
    others = [n for n in sorted(builder.having(NUMBER)) if n != 0]
    if returns and builder.known.registers.get(0) != A_NUMBER:
        builder.constant(0, builder.choices.integer(0, 4))
    if returns and builder.choices.chance(0.9):
        for register in others:
            builder.emit(ALU64 | LSH, 0, imm=7)
            builder.emit(ALU64 | XOR | X, 0, register)
        builder.emit(0xBF, 1, 0)
        builder.emit(ALU64 | RSH, 1, imm=32)
        builder.emit(ALU64 | XOR | X, 0, 1)
    builder.lines.append(Line(EXIT))
    label = leave(builder)
    if any(line.label == label for line in builder.lines):
        builder.place(label)
        builder.constant(0, builder.choices.integer(0, 9))
        builder.lines.append(Line(EXIT))
    return tuple(builder.lines)


def _entries(
    choices: Choices, names: list[str], maps: tuple[FilledMap, ...]
) -> tuple[tuple[int, str], ...]:
    """Which program each slot of the PROG_ARRAY holds; the first one seldom, for it is long."""
    if not maps or maps[-1].shape.name != PROGRAMS:
        return ()
    usable = names[1:] + ([MAIN] if choices.chance(0.2) else [])
    if not usable:
        return ()
    slots = range(maps[-1].shape.max_entries)
    return tuple((slot, choices.one_of(usable)) for slot in slots if choices.chance(0.6))


def _packet(choices: Choices, has_frags: bool) -> Packet:
    length = choices.one_of(FRAGMENTED if has_frags and choices.chance(0.5) else LENGTHS)
    data = choices.blob(length)
    if choices.chance(0.2):
        data = bytes(length)
    metadata = 4 * choices.integer(1, 8) if choices.chance(0.2) else 0
    return Packet(choices.blob(metadata) + data, metadata)
