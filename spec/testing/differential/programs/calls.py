# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Statements that call: map helpers, redirects, functions of the program, other programs."""

from __future__ import annotations

import sys

from spec.machine.instruction import (
    ALU64,
    AND,
    CALL_OPCODE,
    CALL_PROGRAM,
    DW,
    JEQ,
    JMP,
    JNE,
    MEM,
    ST,
    STX,
    W,
)
from spec.testing.differential.programs.assembly import Line, op
from spec.testing.differential.programs.branches import Statements, go, leave
from spec.testing.differential.programs.builder import FRAME_POINTER, SAVED, Builder
from spec.testing.differential.programs.known import (
    A_NUMBER,
    CALLER,
    CONTEXT,
    END,
    PACKET,
    VALUE,
    Content,
)
from spec.testing.differential.programs.map_choice import (
    ARRAYS,
    DEVICES,
    KEYS,
    PROGRAMS,
    TABLES,
    TARGETS,
    key_of,
)
from spec.testing.differential.programs.numbers import number_64
from spec.testing.differential.programs.packets import memory_argument
from spec.testing.differential.programs.type_information import MapShape
from spec.uapi import MapType

LOOKUP, UPDATE, DELETE, TAIL_CALL, REDIRECT, NUMA_NODE, REDIRECT_MAP = 1, 2, 3, 12, 23, 42, 51
UPDATE_FLAGS = (0, 0, 0, 1, 1, 2, 2, 5, 3, 1 << 40)
REDIRECT_FLAGS = (0, 1, 2, 3, 4, 8, 9, 16, 24, 1 << 33)


def _map(builder: Builder, *types: MapType) -> MapShape | None:
    found = [each for each in builder.maps if each.type in types]
    return builder.choices.one_of(found) if found else None


def _key(builder: Builder, shape: MapShape) -> None:
    """A key on the stack, which r2 points to: mostly one of those that are used."""
    choices = builder.choices
    offset = builder.area(shape.key_size)
    is_number = shape.key_size in (4, 8) and shape.type != MapType.BPF_MAP_TYPE_LPM_TRIE
    if shape.type in ARRAYS or not choices.chance(0.1):
        if is_number and choices.chance(0.4):
            _write_computed_key(builder, shape, offset)
        else:
            _write_key(builder, key_of(shape, choices.integer(0, KEYS)), offset)
    builder.point(2, offset)


def _write_computed_key(builder: Builder, shape: MapShape, offset: int) -> None:
    """A key that only the run decides."""
    source = builder.number()
    target = builder.free([0, 1, 3, 4, 5])
    builder.emit(0xBF, target, source)
    builder.emit(ALU64 | AND, target, imm=KEYS - 1)
    builder.set(target, A_NUMBER)
    width = DW if shape.key_size == 8 else W
    builder.emit(STX | MEM | width, FRAME_POINTER, target, offset)


def _write_key(builder: Builder, key: bytes, offset: int) -> None:
    """*key* in words of four bytes, over whole slots."""
    for start in range(0, max(len(key), 8), 4):
        number = int.from_bytes(key[start : start + 4].ljust(4, b"\0"), sys.byteorder)
        instruction = op(ST | MEM | W, FRAME_POINTER, 0, offset + start, number)
        builder.lines.append(Line(instruction))


def look_up(builder: Builder, body: Statements) -> None:
    """``bpf_map_lookup_elem()``, and what is done with the value if there is one."""
    shape = _map(builder, *TABLES, *DEVICES)
    if shape is None:
        return
    _key(builder, shape)
    builder.pass_map(1, shape.name)
    builder.helper(LOOKUP)
    builder.set(0, None)
    value, choices = Content(VALUE, 0, shape.name, shape.value_size), builder.choices
    if choices.chance(0.3):
        builder.jump(JMP | JEQ, leave(builder), 0)
        builder.set(0, value)
        _keep(builder)
        return
    skip = builder.new_label()
    if choices.chance(0.5):
        builder.jump(JMP | JEQ, skip, 0)
    else:
        there = builder.new_label()
        builder.jump(JMP | JNE, there, 0)
        go(builder, skip)
        builder.place(there)
    before = builder.known.copy()
    builder.set(0, value)
    _keep(builder)
    builder.depth += 1
    body(builder, choices.integer(1, 4))
    builder.depth -= 1
    builder.place(skip)
    builder.known.meet(before)


def _keep(builder: Builder) -> None:
    """Save the pointer in r0 from the next call, mostly."""
    saved = [n for n in SAVED if n not in builder.pinned]
    if saved and builder.choices.chance(0.7):
        builder.copy(builder.choices.one_of(saved), 0)


def change_map(builder: Builder) -> None:
    """``bpf_map_update_elem()`` and ``bpf_map_delete_elem()``."""
    shape, choices = _map(builder, *TABLES), builder.choices
    if shape is None:
        return
    is_update = choices.chance(0.7)
    _key(builder, shape)
    if is_update:
        memory_argument(builder, 3, shape.value_size)
        flags = choices.one_of(UPDATE_FLAGS)
        _wide(builder, 4, flags)
    builder.pass_map(1, shape.name)
    builder.helper(UPDATE if is_update else DELETE)
    if shape.type not in ARRAYS:
        builder.known.forget_map(shape.name)


def _wide(builder: Builder, register: int, number: int) -> None:
    if number >> 31:
        high = op(0, imm=number >> 32).imm
        builder.lines.append(Line(op(0x18, register, imm=number & 0xFFFFFFFF), high=high))
        builder.set(register, A_NUMBER)
    else:
        builder.constant(register, number)


def redirect(builder: Builder) -> None:
    """``bpf_redirect()`` and ``bpf_redirect_map()``."""
    choices, shape = builder.choices, _map(builder, *TARGETS)
    if shape is None or choices.chance(0.3):
        builder.pass_number(1)
        if choices.chance(0.7):
            builder.constant(2, 0)
        else:
            builder.pass_number(2)
        builder.helper(REDIRECT)
        return
    if choices.chance(0.6):
        builder.constant(2, choices.integer(0, 5))
    elif choices.chance(0.5):
        builder.pass_number(2)
    else:
        _wide(builder, 2, number_64(choices))
    if choices.chance(0.9):
        _wide(builder, 3, choices.one_of(REDIRECT_FLAGS))
    else:
        builder.pass_number(3)
    builder.pass_map(1, shape.name)
    builder.helper(REDIRECT_MAP)


def call_function(builder: Builder) -> None:
    """A function of the program, with what it wants."""
    choices = builder.choices
    fitting = [
        name
        for name, signature in builder.functions.items()
        if builder.context is not None or all(each.kind != CONTEXT for each in signature.arguments)
    ]
    if not fitting:
        return
    name = choices.one_of(fitting)
    for register, wanted in enumerate(builder.functions[name].arguments, 1):
        if wanted.kind == CONTEXT:
            builder.pass_context(register)
        elif wanted.kind == CALLER:
            builder.point(register, builder.area(wanted.size))
        else:
            builder.pass_number(register)
    builder.lines.append(Line(op(CALL_OPCODE, 0, CALL_PROGRAM), name))
    builder.after_call(A_NUMBER if builder.functions[name].returns else None)
    # It may have moved the packet and replaced elements.
    builder.known.forget(PACKET, END)
    for shape in builder.maps:
        if shape.type not in ARRAYS:
            builder.known.forget_map(shape.name)


def call_program(builder: Builder) -> None:
    """``bpf_tail_call()``: to a program, to an empty slot, to a slot that there is not."""
    if builder.context is None or _map(builder, MapType.BPF_MAP_TYPE_PROG_ARRAY) is None:
        return
    choices = builder.choices
    if choices.chance(0.5):
        builder.constant(3, choices.integer(0, 4))
    else:
        builder.pass_number(3)
        if choices.chance(0.8):
            builder.emit(ALU64 | AND, 3, imm=3)
    builder.pass_map(2, PROGRAMS)
    builder.pass_context(1)
    builder.emit(CALL_OPCODE, imm=TAIL_CALL)
    builder.after_call(None)
    builder.known.forget(PACKET, END)
    for shape in builder.maps:
        if shape.type not in ARRAYS:
            builder.known.forget_map(shape.name)


def ask_node(builder: Builder) -> None:
    """``bpf_get_numa_node_id()``, a helper without arguments."""
    builder.helper(NUMA_NODE)
