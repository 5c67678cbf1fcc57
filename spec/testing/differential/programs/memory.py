# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Statements that load and store: on the stack, in map values, in memory that a caller passed."""

from __future__ import annotations

from typing import NamedTuple

from spec.machine.instruction import (
    ADD,
    ALU64,
    AND,
    ATOMIC,
    ATOMIC_OPERATIONS,
    CMPXCHG,
    DW,
    FETCH,
    LDX,
    LOAD_ACQUIRE,
    MEM,
    MEMSX,
    SIZES,
    ST,
    STORE_RELEASE,
    STX,
    B,
    H,
    W,
    X,
)
from spec.testing.differential.programs.builder import FRAME_POINTER, Builder
from spec.testing.differential.programs.known import (
    A_NUMBER,
    CALLER,
    NUMBER,
    PACKET,
    STACK,
    VALUE,
    Content,
)
from spec.testing.differential.programs.numbers import immediate

WIDTHS = (DW, W, H, B)
PLAIN_ATOMICS = tuple(sorted(ATOMIC_OPERATIONS - {LOAD_ACQUIRE, STORE_RELEASE}))


class Place(NamedTuple):
    """Bytes that may be accessed: ``register + offset``, and how many of which width."""

    register: int
    offset: int
    width: int


def stack_place(builder: Builder, is_read: bool) -> Place | None:
    """An aligned part of a slot; one with a number for reading."""
    slots = [slot for slot, content in builder.known.slots.items() if content == A_NUMBER]
    if not slots and is_read:
        slots = [builder.area(8)]
    width = builder.choices.one_of(WIDTHS)
    size = SIZES[width]
    slot = builder.choices.one_of(slots) if is_read else builder.slot()
    return Place(FRAME_POINTER, slot + size * builder.choices.integer(0, 8 // size - 1), width)


def pointed_place(builder: Builder, *kinds: str, aligned: bool = False) -> Place | None:
    """Somewhere behind a pointer of *kinds* that a register holds."""
    choices, found = builder.choices, builder.having(*kinds)
    if not found:
        return None
    register = choices.one_of(found)
    content = builder.known.registers[register]
    end = content.size
    widths = [width for width in WIDTHS if SIZES[width] <= end]
    if not widths:
        return None
    width = choices.one_of(widths)
    size = SIZES[width]
    start = choices.integer(0, end - size)
    if aligned or content.kind == CALLER:
        start -= start % size
    return Place(register, start - content.offset, width)


def _any_place(builder: Builder, is_read: bool) -> Place | None:
    if builder.choices.chance(0.5):
        return stack_place(builder, is_read)
    return pointed_place(builder, VALUE, PACKET, CALLER) or stack_place(builder, is_read)


def _is_writable(builder: Builder, place: Place) -> bool:
    content = builder.known.registers.get(place.register)
    return content is None or content.map not in builder.read_only


def load(builder: Builder) -> None:
    """A load, zero-extended or sign-extended."""
    place = _any_place(builder, True)
    if place is None:
        return
    mode = MEM
    if builder.version.number >= 4 and place.width != DW and builder.choices.chance(0.4):
        mode = MEMSX
    register = builder.free()
    builder.emit(LDX | mode | place.width, register, place.register, place.offset)
    builder.set(register, A_NUMBER)


def store(builder: Builder) -> None:
    """A store of a register or an immediate."""
    place = _any_place(builder, False)
    if place is None or not _is_writable(builder, place):
        return
    if builder.choices.chance(0.3):
        number = immediate(builder.choices)
        builder.emit(ST | MEM | place.width, place.register, 0, place.offset, number)
    else:
        source = builder.number(avoid=[place.register])
        builder.emit(STX | MEM | place.width, place.register, source, place.offset)
    if place.register == FRAME_POINTER:
        slot = place.offset // 8 * 8
        if place.width == DW:
            builder.known.slots[slot] = A_NUMBER
        elif builder.known.slots.get(slot) != A_NUMBER:
            builder.known.slots.pop(slot, None)


def spill(builder: Builder) -> None:
    """A pointer goes to the stack, or comes back from there."""
    choices, slots = builder.choices, builder.known.slots
    pointers = [slot for slot, content in slots.items() if content.kind != NUMBER]
    if pointers and choices.chance(0.6):
        slot, register = choices.one_of(pointers), builder.free()
        builder.emit(LDX | MEM | DW, register, FRAME_POINTER, slot)
        builder.set(register, slots[slot])
        return
    found = [n for n, each in builder.known.registers.items() if each.kind != NUMBER]
    if found:
        register, slot = choices.one_of(found), builder.slot()
        builder.emit(STX | MEM | DW, FRAME_POINTER, register, slot)
        slots[slot] = builder.known.registers[register]


def change_atomically(builder: Builder) -> None:
    """Atomic operations of every kind, and loads and stores with acquire and release."""
    choices, version = builder.choices, builder.version
    if version.has_acquire and choices.chance(0.3):
        _acquire_or_release(builder)
        return
    place = pointed_place(builder, VALUE, CALLER, aligned=True)
    if place is None or choices.chance(0.4) or not _is_writable(builder, place):
        place = stack_place(builder, True)
    assert place is not None
    width = choices.one_of((W, DW))
    offset = _aligned(builder, place, SIZES[width])
    if offset is None:
        return
    operation = choices.one_of(PLAIN_ATOMICS) if version.number >= 3 else ADD
    source = builder.number(avoid=[place.register])
    if operation == CMPXCHG:
        if builder.known.registers.get(0) != A_NUMBER:
            if place.register == 0 or 0 in builder.pinned:
                return
            builder.constant(0)
    elif operation & FETCH and source in builder.pinned:
        return
    builder.emit(STX | ATOMIC | width, place.register, source, offset, operation)


def _aligned(builder: Builder, place: Place, size: int) -> int | None:
    """The offset for an access of *size* bytes around *place*, if there are so many."""
    content = builder.known.registers.get(place.register, Content(STACK))
    base = content.offset
    start = (base + place.offset) // size * size
    if content.kind != STACK and start + size > content.size:
        return None
    return start - base


def _acquire_or_release(builder: Builder) -> None:
    is_load = builder.choices.chance(0.5)
    place = pointed_place(builder, VALUE, CALLER, aligned=True)
    if place is None or builder.choices.chance(0.5) or not _is_writable(builder, place):
        place = stack_place(builder, True)
    assert place is not None
    opcode = STX | ATOMIC | place.width
    if is_load:
        register = builder.free()
        builder.emit(opcode, register, place.register, place.offset, LOAD_ACQUIRE)
        builder.set(register, A_NUMBER)
    else:
        source = builder.number(avoid=[place.register])
        builder.emit(opcode, place.register, source, place.offset, STORE_RELEASE)


def step_pointer(builder: Builder) -> None:
    """A pointer into the packet or a value moves on or back, or is copied."""
    found = [n for n in builder.having(PACKET, VALUE) if n not in builder.pinned]
    if not found:
        return
    register = builder.choices.one_of(found)
    if builder.choices.chance(0.5):
        target = builder.free()
        builder.copy(target, register)
        register = target
    content = builder.known.registers[register]
    builder.add(register, builder.choices.integer(0, content.size) - content.offset)


def wander(builder: Builder) -> None:
    """A load at a place of a map value or the stack that only the run decides."""
    choices = builder.choices
    found = [n for n in builder.having(VALUE) if builder.known.registers[n].size >= 8]
    index = builder.free()
    source = builder.number()
    builder.emit(0xBF, index, source)
    builder.emit(ALU64 | AND, index, imm=7)
    builder.set(index, A_NUMBER)
    pointer = builder.free([n for n in range(10) if n != index])
    if found and choices.chance(0.7):
        base = choices.one_of(found)
        if base in (index, pointer) or builder.known.registers.get(base, A_NUMBER).kind != VALUE:
            return
        content = builder.known.registers[base]
        builder.copy(pointer, base)
        builder.add(pointer, choices.integer(0, content.size - 8) - content.offset)
    else:
        builder.point(pointer, builder.area(8))
        if builder.known.registers.get(index) != A_NUMBER:
            return
    builder.emit(ALU64 | ADD | X, pointer, index)
    builder.set(pointer, None)
    target = builder.free()
    builder.emit(LDX | MEM | B, target, pointer)
    builder.set(target, A_NUMBER)
