# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Statements that compute: every operation, 32 and 64 bits wide, with register and immediate."""

from __future__ import annotations

from spec.machine.instruction import (
    ADD,
    ALU,
    ALU64,
    AND,
    ARSH,
    DIV,
    END,
    LSH,
    MOD,
    MOV,
    MUL,
    NEG,
    OR,
    RSH,
    SUB,
    XOR,
    X,
)
from spec.testing.differential.programs.builder import Builder
from spec.testing.differential.programs.known import A_NUMBER
from spec.testing.differential.programs.numbers import immediate

OPERATIONS = (ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, MOD, XOR, ARSH)
SHIFTS = (LSH, RSH, ARSH)
SIGNED_WIDTHS = {ALU64: (8, 16, 32), ALU: (8, 16)}


def width(builder: Builder) -> int:
    """ALU64, or ALU where the version has it."""
    narrow = builder.version.number >= 3 and builder.choices.chance(0.5)
    return ALU if narrow else ALU64


def compute(builder: Builder) -> None:
    """``a += b`` and its kin."""
    choices, kind = builder.choices, width(builder)
    operation, register = choices.one_of(OPERATIONS), builder.changeable()
    is_division = operation in (DIV, MOD)
    signed = int(is_division and builder.version.number >= 4 and choices.chance(0.5))
    if choices.chance(0.6):
        source = builder.number()
        builder.emit(operation | kind | X, register, source, signed)
        return
    imm = immediate(choices)
    if operation in SHIFTS:
        imm = choices.integer(0, 63 if kind == ALU64 else 31)
    if is_division:
        imm = imm or 3
    builder.emit(operation | kind, register, 0, signed, imm)


def move(builder: Builder) -> None:
    """``a = b``, also cut to 32 bits or sign-extended, or ``a = number``."""
    choices, kind = builder.choices, width(builder)
    if choices.chance(0.3):
        builder.constant(builder.free())
        return
    source, register = builder.number(), builder.free()
    signs = 0
    if builder.version.number >= 4 and choices.chance(0.5):
        signs = choices.one_of(SIGNED_WIDTHS[kind])
    builder.emit(MOV | kind | X, register, source, signs)
    builder.set(register, A_NUMBER)


def turn(builder: Builder) -> None:
    """``a = -a``, and changes of byte order."""
    choices, register = builder.choices, builder.changeable()
    if choices.chance(0.3):
        builder.emit(NEG | width(builder), register)
        return
    kinds = [ALU | END, ALU | END | X]
    if builder.version.number >= 4:
        kinds.append(ALU64 | END)
    builder.emit(choices.one_of(kinds), register, 0, 0, choices.one_of((16, 32, 64)))
