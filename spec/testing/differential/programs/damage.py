# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Breaks programs, so that the verifier has something to refuse."""

from __future__ import annotations

from collections.abc import Callable

from spec.machine.instruction import CALL_OPCODE, Instruction
from spec.testing.differential.choices import Choices
from spec.testing.differential.programs.assembly import Line, op
from spec.testing.differential.programs.case import Case, pruned
from spec.testing.differential.programs.numbers import immediate

Edit = Callable[[Choices, Instruction], Instruction]

WRONG = (
    op(0xB7, 10, imm=1),  # r10 = 1
    op(0x37, 0, imm=0),  # r0 /= 0
    op(0x67, 0, imm=64),  # r0 <<= 64
    op(0x64, 0, imm=32),  # w0 <<= 32
    op(0xBF, 0, 5, 3),  # r0 = (s3)r5
    op(0x95, 0, 0, 1),  # exit with an offset
    op(0x7B, 1, 0, 0),  # *(u64 *)(r1 + 0) = r0
    op(0x61, 0, 1, 2),  # r0 = *(u32 *)(r1 + 2)
    op(0x61, 0, 1, 20),  # r0 = ctx->egress_ifindex
    op(0x79, 0, 1, 0),  # r0 = *(u64 *)(r1 + 0)
    op(0x7A, 10, 0, 8, 0),  # *(u64 *)(r10 + 8) = 0
    op(0x7A, 10, 0, -520, 0),  # *(u64 *)(r10 - 520) = 0
    op(0x61, 0, 0, 0),  # r0 = *(u32 *)(r0 + 0)
    op(0xDB, 1, 0, 0),  # lock *(u64 *)(r1 + 0) += r0
    op(0x85, imm=212),  # a helper that does not exist
    op(0x85, imm=-1),
    op(0x85, imm=1),
    op(0x85, imm=3),
    op(0x85, imm=12),
    op(0x85, imm=44),
    op(0x85, imm=51),
    op(0x05, 0, 0, -1),  # a jump to itself
    op(0x05, 0, 0, 0x7FFF),
    op(0x06, imm=-1),
    op(0x20, imm=0),  # *(u32 *)skb[0]
    op(0xFF),
    op(0x8F, 0, 1),
    op(0xDF, 0, imm=16),
    op(0xC3, 10, 0, -8, 0x99),
    op(0xD3, 10, 0, -8, 0),
    op(0x18, 0, 1, 0, 0),
)


def _register(choices: Choices, instruction: Instruction) -> Instruction:
    field = choices.one_of(("dst", "src"))
    return instruction._replace(**{field: choices.integer(0, 11)})


def _offset(choices: Choices, instruction: Instruction) -> Instruction:
    near = instruction.offset + choices.one_of((1, -1, 4, -4, 8, -8, 64, -64, 512, -512))
    offset = near if choices.chance(0.7) else choices.integer(-0x8000, 0x7FFF)
    return instruction._replace(offset=max(-0x8000, min(offset, 0x7FFF)))


def _immediate(choices: Choices, instruction: Instruction) -> Instruction:
    return instruction._replace(imm=immediate(choices))


def _opcode(choices: Choices, instruction: Instruction) -> Instruction:
    return instruction._replace(opcode=instruction.opcode ^ 1 << choices.integer(0, 7))


_EDITS: tuple[Edit, ...] = (_register, _register, _offset, _offset, _immediate, _opcode)


def damaged(choices: Choices, case: Case) -> Case:
    """*case* with one or two things wrong, if it comes to that; its packets are of no use."""
    programs = {name: list(lines) for name, lines in case.programs}
    functions = {name: list(lines) for name, lines in case.functions}
    for _ in range(choices.one_of((1, 1, 1, 2))):
        lines = choices.one_of([*programs.values(), *functions.values()])
        _damage(choices, lines, [each.shape.name for each in case.maps])
    return pruned(
        case._replace(
            programs=tuple((name, tuple(lines)) for name, lines in programs.items()),
            functions=tuple((name, tuple(lines)) for name, lines in functions.items()),
            packets=(),
        )
    )


def _damage(choices: Choices, lines: list[Line], maps: list[str]) -> None:
    places = [at for at, line in enumerate(lines) if line.instruction is not None]
    at = choices.one_of(places)
    line = lines[at]
    assert line.instruction is not None
    if choices.chance(0.2):
        del lines[at]
    elif choices.chance(0.25):
        lines.insert(at, Line(choices.one_of(WRONG)))
    elif choices.chance(0.1):
        other = choices.one_of(places)
        lines[at], lines[other] = lines[other], lines[at]
    elif line.map:
        lines[at] = line._replace(map=choices.one_of(maps))
    elif line.calls:
        lines[at] = Line(op(CALL_OPCODE, imm=choices.integer(1, 60)))
    elif line.slots == 1:
        edited = choices.one_of(_EDITS)(choices, line.instruction)
        if Line(edited).slots == 1 and not Line(edited).calls:
            lines[at] = line._replace(instruction=edited)
