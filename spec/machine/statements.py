# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes single instructions as Python: what ``interpreter.py`` does, as text.

Registers are local variables ``r0`` to ``r10`` that hold unsigned 64-bit numbers. ``mem`` is the
table of regions, ``m`` the run's memory.
"""

from __future__ import annotations

import sys

from spec.machine.instruction import (
    ADD,
    ALU64,
    AND,
    ARSH,
    CMPXCHG,
    DIV,
    END,
    FETCH,
    JEQ,
    JGE,
    JGT,
    JLE,
    JLT,
    JMP,
    JNE,
    JSET,
    JSGE,
    JSGT,
    JSLE,
    JSLT,
    LDX,
    LOAD_ACQUIRE,
    LSH,
    MASK64,
    MEMSX,
    MOD,
    MOV,
    MUL,
    NEG,
    OR,
    RSH,
    ST,
    STORE_RELEASE,
    SUB,
    XCHG,
    XOR,
    Instruction,
    X,
)
from spec.machine.kinds import CONTEXT, PACKET, STACK, Content
from spec.machine.memory import STACK_SIZE

FIELDS = ("data", "data_end", "data_meta", "ingress_ifindex", "rx_queue_index", "egress_ifindex")

_SYMBOLS = {ADD: "+", SUB: "-", MUL: "*", OR: "|", AND: "&", XOR: "^"}
_COMPARISONS = {JEQ: "==", JNE: "!=", JGT: ">", JGE: ">=", JLT: "<", JLE: "<="}
_SIGNED = {JSGT: ">", JSGE: ">=", JSLT: "<", JSLE: "<="}
_INVERSE = {"==": "!=", "!=": "==", ">": "<=", "<=": ">", "<": ">=", ">=": "<"}


Widths = dict[int, int]
"""How many bits the number in a register needs at most, where it is less than 64."""


def alu(instruction: Instruction, widths: Widths) -> str:
    """An ALU or ALU64 instruction as an assignment; *widths* is what is known before it."""
    opcode, dst, src, offset, imm = instruction
    operation, bits = instruction.operation, 64 if instruction.kind == ALU64 else 32
    mask = (1 << bits) - 1
    from_register = bool(opcode & X)
    left, right = f"r{dst}", f"r{src}" if from_register else str(imm & mask)
    if operation == END:
        return f"{left} = {_swap(instruction)}"
    if operation == NEG:
        return f"{left} = -{left} & {mask}"
    if operation == MOV:
        if offset:
            return f"{left} = {_signed(right, offset)} & {mask}"
        if from_register and bits == 32:
            right = cut(src, 32, widths)
        return f"{left} = {right}"
    if bits == 32 and operation not in (ADD, SUB, MUL, LSH):
        left = cut(dst, 32, widths)
        right = cut(src, 32, widths) if from_register else right
    if operation in _SYMBOLS:
        value = _plain(operation, left, right, imm, bits, from_register)
    elif operation in (DIV, MOD):
        value = _divide(operation, left, right, bits, signed=bool(offset))
    else:
        count = f"({right} & {bits - 1})" if from_register else right
        value = {
            LSH: f"{left} << {count} & {mask}"
            if from_register or widths.get(dst, 64) + imm > bits
            else f"{left} << {count}",
            RSH: f"{left} >> {count}",
            ARSH: f"({_signed(left, bits)} >> {count}) & {mask}",
        }[operation]
    return f"r{dst} = {value}"


def _plain(operation: int, left: str, right: str, imm: int, bits: int, from_register: bool) -> str:
    if operation in (AND, OR, XOR):
        return f"{left} {_SYMBOLS[operation]} {right}"
    if operation in (ADD, SUB) and not from_register and imm < 0:
        # The same with a small number is faster than with its complement.
        operation, right = (SUB if operation == ADD else ADD), str(-imm)
    return f"{left} {_SYMBOLS[operation]} {right} & {(1 << bits) - 1}"


def _divide(operation: int, left: str, right: str, bits: int, signed: bool) -> str:
    name = "divide" if operation == DIV else "modulo"
    if signed:
        return f"signed_{name}({left}, {right}, {bits}) & {(1 << bits) - 1}"
    if right.isdigit():
        return f"{left} {'//' if operation == DIV else '%'} {right}"
    return f"{name}({left}, {right})"


def _signed(value: str, bits: int) -> str:
    sign, mask = 1 << bits - 1, (1 << bits) - 1
    return f"((({value} & {mask}) ^ {sign}) - {sign})"


def _swap(instruction: Instruction) -> str:
    bits = instruction.imm
    wanted = "big" if instruction.opcode & X else "little"
    if instruction.kind == ALU64 or wanted != sys.byteorder:
        if bits == 16:
            return f"(r{instruction.dst} & 255) << 8 | r{instruction.dst} >> 8 & 255"
        return f"byte_swap(r{instruction.dst}, {bits})"
    return f"r{instruction.dst} & {(1 << bits) - 1}"


def width(instruction: Instruction, widths: Widths) -> int:
    """Bits that the result of an ALU or a load instruction needs at most."""
    kind, operation, imm = instruction.kind, instruction.operation, instruction.imm
    if kind == LDX:
        return 64 if instruction.mode == MEMSX else 8 * instruction.size
    if operation == END:
        return imm
    bits = 64 if kind == ALU64 else 32
    known = min(widths.get(instruction.dst, 64), bits)
    if instruction.opcode & X:
        other = min(widths.get(instruction.src, 64), bits)
        if operation == MOV and not instruction.offset:
            return other
        if operation == AND:
            return min(known, other)
        return max(known, other) if operation in (OR, XOR) else bits
    if operation in (MOV, AND, OR, XOR) and imm >= 0:
        small = imm.bit_length()
        return {MOV: small, AND: min(known, small)}.get(operation, max(known, small))
    if operation == RSH:
        return max(known - imm, 0)
    if operation == LSH:
        return min(known + imm, bits)
    return bits


def cut(register: int, bits: int, widths: Widths) -> str:
    """The low *bits* of a register, without work where it has no others."""
    if widths.get(register, 64) <= bits:
        return f"r{register}"
    return f"(r{register} & {(1 << bits) - 1})"


def condition(instruction: Instruction, inverse: bool, widths: Widths) -> str:
    """The condition of a jump, or its opposite, as an expression."""
    opcode, dst, src, _, imm = instruction
    operation, bits = instruction.operation, 64 if instruction.kind == JMP else 32
    mask, sign = (1 << bits) - 1, 1 << bits - 1
    from_register = bool(opcode & X)
    left, right = f"r{dst}", f"r{src}" if from_register else str(imm & mask)
    if bits == 32:
        left = cut(dst, 32, widths)
        right = cut(src, 32, widths) if from_register else right
    if operation == JSET:
        return f"not {left} & {right}" if inverse else f"{left} & {right}"
    if operation in _SIGNED:
        # Flipping the sign bits makes the order of signed numbers that of unsigned ones.
        symbol, left = _SIGNED[operation], f"({left} ^ {sign})"
        right = f"({right} ^ {sign})" if from_register else str((imm & mask) ^ sign)
    else:
        symbol = _COMPARISONS[operation]
    return f"{left} {_INVERSE[symbol] if inverse else symbol} {right}"


def place(instruction: Instruction, register: int, content: Content) -> tuple[str, str]:
    """Where a load or store goes: the region and the offset in it, as expressions."""
    offset = instruction.offset
    if content.kind == STACK and content.offset is not None:
        distance = STACK_SIZE + content.offset + offset
        if 0 <= distance <= STACK_SIZE - instruction.size:
            return "stack", str(distance)
    if content.kind == PACKET and content.offset is not None and content.offset + offset >= 0:
        return "packet", str(content.offset + offset)
    if not offset:
        return f"mem[r{register} >> 20]", f"r{register} & 1048575"
    return f"mem[(a := r{register} + {offset}) >> 20]", "a & 1048575"


def load(instruction: Instruction, content: Content) -> str:
    """LDX as an assignment; *content* is what is known about the address."""
    size, dst = instruction.size, instruction.dst
    field, rest = divmod(instruction.offset, 4)
    is_field = size == 4 and not rest and 0 <= field < len(FIELDS)
    if content.kind == CONTEXT and content.offset == 0 and is_field:
        value = f"m.fields[{field}]" if field < 3 else f"context.{FIELDS[field]}"
    else:
        region, offset = place(instruction, instruction.src, content)
        value = _fetch(region, offset, size)
    if instruction.mode == MEMSX:
        sign = 1 << 8 * size - 1
        value = f"(({value} ^ {sign}) - {sign}) & {MASK64}"
    return f"r{dst} = {value}"


def _fetch(region: str, offset: str, size: int) -> str:
    return f"{region}[{offset}]" if size == 1 else f"load{size}({region}, {offset})[0]"


def _put(region: str, offset: str, size: int, value: str) -> str:
    return (
        f"{region}[{offset}] = {value}"
        if size == 1
        else f"store{size}({region}, {offset}, {value})"
    )


def store(instruction: Instruction, content: Content, widths: Widths) -> str:
    """ST or STX; *content* is what is known about the address."""
    size, mask = instruction.size, (1 << 8 * instruction.size) - 1
    region, offset = place(instruction, instruction.dst, content)
    if instruction.kind == ST:
        value = str(instruction.imm & mask)
    else:
        value = cut(instruction.src, 8 * size, widths)
    return _put(region, offset, size, value)


def atomic(instruction: Instruction, content: Content) -> list[str]:
    """An atomic operation; *content* is what is known about the address."""
    operation, size, src = instruction.imm, instruction.size, instruction.src
    mask = (1 << 8 * size) - 1
    if operation == LOAD_ACQUIRE:
        region, offset = place(instruction, src, content)
        return [f"r{instruction.dst} = {_fetch(region, offset, size)}"]
    if operation == STORE_RELEASE:
        return [store(instruction, content, {})]
    region, offset = place(instruction, instruction.dst, content)
    lines = [
        f"region = {region}",
        f"offset = {offset}",
        f"old = {_fetch('region', 'offset', size)}",
    ]
    if operation == CMPXCHG:
        new = f"r{src} & {mask} if old == r0 & {mask} else old"
        return [*lines, _put("region", "offset", size, f"({new})"), "r0 = old"]
    if operation == XCHG:
        new = f"r{src} & {mask}"
    else:
        new = f"(old {_SYMBOLS[operation & ~FETCH]} r{src}) & {mask}"
    lines.append(_put("region", "offset", size, new))
    return [*lines, f"r{src} = old"] if operation & FETCH else lines
