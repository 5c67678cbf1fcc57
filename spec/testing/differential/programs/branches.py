# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Statements with statements inside: branches both ways, loops that end, early exits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from spec.machine.instruction import (
    ALU64,
    DW,
    GOTO,
    GOTO_LONG,
    JEQ,
    JGE,
    JGT,
    JLE,
    JLT,
    JMP,
    JMP32,
    JNE,
    JSET,
    JSGE,
    JSGT,
    JSLE,
    JSLT,
    MEM,
    ST,
    SUB,
    X,
)
from spec.testing.differential.programs.builder import FRAME_POINTER, SAVED, Builder
from spec.testing.differential.programs.known import A_NUMBER, NUMBER, Known
from spec.testing.differential.programs.numbers import immediate

Statements: TypeAlias = Callable[[Builder, int], None]
"""Writes so many statements."""

FIRST = (JEQ, JNE, JGT, JGE, JSET, JSGT, JSGE)
SECOND = (*FIRST, JLT, JLE, JSLT, JSLE)
"""Comparisons that version 1 has, and those from version 2 on."""

DEEPEST = 3
LEAVE = "leave"


def leave(builder: Builder) -> str:
    """The label of the function's emergency exit."""
    return f"{builder.name}_{LEAVE}"


def jump_if(builder: Builder, label: str) -> None:
    """A comparison of numbers that may go to *label*."""
    choices, version = builder.choices, builder.version
    kind = JMP32 if version.number >= 3 and choices.chance(0.5) else JMP
    operation = choices.one_of(SECOND if version.number >= 2 else FIRST)
    register = builder.number()
    if choices.chance(0.5):
        builder.jump(kind | operation | X, label, register, builder.number())
    else:
        builder.jump(kind | operation, label, register, imm=immediate(choices))


def go(builder: Builder, label: str) -> None:
    """An unconditional jump."""
    is_long = builder.version.number >= 4 and builder.choices.chance(0.3)
    builder.jump(GOTO_LONG if is_long else GOTO, label)


def branch(builder: Builder, body: Statements) -> None:
    """``if … else …``, where the other way may be empty."""
    otherwise, end = builder.new_label(), builder.new_label()
    jump_if(builder, otherwise)
    before = builder.known.copy()
    builder.depth += 1
    body(builder, builder.choices.integer(1, 4))
    if builder.choices.chance(0.5):
        go(builder, end)
        builder.place(otherwise)
        after, builder.known = builder.known, before
        body(builder, builder.choices.integer(1, 4))
        builder.place(end)
        builder.known.meet(after)
    else:
        builder.place(otherwise)
        builder.known.meet(before)
    builder.depth -= 1


def loop(builder: Builder, body: Statements) -> None:
    """A few rounds, counted in a register that calls leave alone."""
    counters = [n for n in SAVED if n not in builder.pinned]
    if not counters:
        return
    choices, counter = builder.choices, builder.choices.one_of(counters)
    builder.constant(counter, choices.integer(1, 4))
    builder.pinned.add(counter)
    known = builder.known
    for register in list(known.registers):
        if known.registers[register].kind != NUMBER and register not in builder.pinned:
            del known.registers[register]
    known.slots = {slot: each for slot, each in known.slots.items() if each.kind == NUMBER}
    entry, head = known.copy(), builder.new_label()
    builder.place(head)
    builder.depth += 2
    body(builder, choices.integer(1, 4))
    builder.depth -= 2
    _restore(builder, entry)
    builder.emit(ALU64 | SUB, counter, imm=1)
    again = choices.one_of((JNE, JGT, JSGT))
    builder.jump(JMP | again, head, counter)
    builder.pinned.discard(counter)


def _restore(builder: Builder, entry: Known) -> None:
    """The next round finds numbers where this one did."""
    known = builder.known
    for register in entry.registers:
        if register not in builder.pinned and known.registers.get(register) != A_NUMBER:
            builder.constant(register, 1)
    for slot in entry.slots:
        if known.slots.get(slot) != A_NUMBER:
            builder.emit(ST | MEM | DW, FRAME_POINTER, 0, slot, 2)
            known.slots[slot] = A_NUMBER


def give_up(builder: Builder) -> None:
    """An early end for some inputs."""
    jump_if(builder, leave(builder))
