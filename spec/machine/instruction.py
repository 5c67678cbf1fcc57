# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The BPF instruction: its encoding, its names and how it reads (RFC 9669, ISA versions 1 to 4)."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

LD, LDX, ST, STX, ALU, JMP, JMP32, ALU64 = range(8)
"""Instruction classes: the low three bits of the opcode."""

K, X = 0x00, 0x08
"""The second operand of ALU and JMP instructions: the immediate or the source register."""

ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR, MOV, ARSH, END = range(0x00, 0xE0, 0x10)
JA, JEQ, JGT, JGE, JSET, JNE, JSGT, JSGE, CALL, EXIT, JLT, JLE, JSLT, JSLE = range(0, 0xE0, 0x10)

W, H, B, DW = 0x00, 0x08, 0x10, 0x18
SIZES = {W: 4, H: 2, B: 1, DW: 8}

IMM, ABS, IND, MEM, MEMSX, ATOMIC = 0x00, 0x20, 0x40, 0x60, 0x80, 0xC0

FETCH, XCHG, CMPXCHG = 0x01, 0xE1, 0xF1
LOAD_ACQUIRE, STORE_RELEASE = 0x100, 0x110
ATOMIC_OPERATIONS = {
    ADD, OR, AND, XOR,
    ADD | FETCH, OR | FETCH, AND | FETCH, XOR | FETCH,
    XCHG, CMPXCHG, LOAD_ACQUIRE, STORE_RELEASE,
}  # fmt: skip

LOAD_IMMEDIATE = LD | IMM | DW
GOTO, GOTO_LONG = JMP | JA, JMP32 | JA
CALL_OPCODE, EXIT_OPCODE = JMP | CALL, JMP | EXIT

PSEUDO_MAP_FD, PSEUDO_MAP_VALUE, PSEUDO_BTF_ID, PSEUDO_FUNC = 1, 2, 3, 4
"""Meaning of the immediate of ``LOAD_IMMEDIATE``, in its source register field."""

CALL_HELPER, CALL_PROGRAM, CALL_KERNEL = 0, 1, 2
"""Meaning of the immediate of a call, in its source register field."""

SYMBOLS = {
    ADD: "+=", SUB: "-=", MUL: "*=", DIV: "/=", OR: "|=", AND: "&=", LSH: "<<=", RSH: ">>=",
    MOD: "%=", XOR: "^=", MOV: "=", ARSH: "s>>=",
}  # fmt: skip
COMPARISONS = {
    JEQ: "==", JGT: ">", JGE: ">=", JSET: "&", JNE: "!=", JSGT: "s>", JSGE: "s>=",
    JLT: "<", JLE: "<=", JSLT: "s<", JSLE: "s<=",
}  # fmt: skip

MASK32, MASK64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


class Instruction(NamedTuple):
    """One eight-byte slot; ``offset`` and ``imm`` are signed.

    ``LOAD_IMMEDIATE`` takes two slots: the second holds the upper half in ``imm``.
    """

    opcode: int
    dst: int
    src: int
    offset: int
    imm: int

    @property
    def kind(self) -> int:
        """The instruction class."""
        return self.opcode & 7

    @property
    def operation(self) -> int:
        """What an ALU or JMP instruction does: the high four bits."""
        return self.opcode & 0xF0

    @property
    def size(self) -> int:
        """Bytes that a load or a store moves."""
        return SIZES[self.opcode & 0x18]

    @property
    def mode(self) -> int:
        """How a load or a store addresses memory."""
        return self.opcode & 0xE0

    def __str__(self) -> str:
        return describe(self)


def decode(data: bytes, order: str = "<") -> tuple[Instruction, ...]:
    """The instructions in *data*, whose length is a multiple of eight."""
    return tuple(
        Instruction(opcode, registers & 15, registers >> 4, offset, imm)
        if order == "<"
        else Instruction(opcode, registers >> 4, registers & 15, offset, imm)
        for opcode, registers, offset, imm in Struct(order + "BBhi").iter_unpack(data)
    )


def encode(instruction: Instruction) -> bytes:
    """The eight bytes of *instruction* in little-endian order."""
    opcode, dst, src, offset, imm = instruction
    return Struct("<BBhi").pack(opcode, dst | src << 4, offset, imm)


def jump_target(index: int, instruction: Instruction) -> int:
    """Where the jump at *index* goes; ``goto`` of ISA version 4 keeps its distance in ``imm``."""
    distance = instruction.imm if instruction.opcode == GOTO_LONG else instruction.offset
    return index + 1 + distance


def describe(instruction: Instruction) -> str:
    """The instruction in the notation of the kernel's verifier log."""
    opcode, dst, src, offset, imm = instruction
    kind, operation = instruction.kind, instruction.operation
    if kind in (ALU, ALU64):
        return _describe_alu(instruction, "r" if kind == ALU64 else "w")
    if kind in (JMP, JMP32):
        letter = "r" if kind == JMP else "w"
        if opcode == EXIT_OPCODE:
            return "exit"
        if opcode == CALL_OPCODE:
            return f"call pc{imm:+d}" if src == CALL_PROGRAM else f"call #{imm}"
        if operation == JA:
            return f"goto pc{(imm if kind == JMP32 else offset):+d}"
        operand = f"{letter}{src}" if opcode & X else f"{imm:#x}"
        symbol = COMPARISONS.get(operation, "?")
        return f"if {letter}{dst} {symbol} {operand} goto pc{offset:+d}"
    if opcode == LOAD_IMMEDIATE:
        return f"r{dst} = {imm:#x} ll"
    unit = f"u{8 * instruction.size}"
    if kind == LDX and instruction.mode in (MEM, MEMSX):
        unit = unit.replace("u", "s") if instruction.mode == MEMSX else unit
        return f"r{dst} = *({unit} *)(r{src} {offset:+d})"
    if kind == ST and instruction.mode == MEM:
        return f"*({unit} *)(r{dst} {offset:+d}) = {imm}"
    if kind == STX and instruction.mode == MEM:
        return f"*({unit} *)(r{dst} {offset:+d}) = r{src}"
    if kind == STX and instruction.mode == ATOMIC:
        return f"lock *({unit} *)(r{dst} {offset:+d}) op {imm:#x} r{src}"
    return f"opcode {opcode:#04x}"


def _describe_alu(instruction: Instruction, letter: str) -> str:
    opcode, dst, src, offset, imm = instruction
    operation = instruction.operation
    target = f"{letter}{dst}"
    if operation == NEG:
        return f"{target} = -{target}"
    if operation == END:
        name = "bswap" if instruction.kind == ALU64 else "be" if opcode & X else "le"
        return f"r{dst} = {name}{imm} r{dst}"
    operand = f"{letter}{src}" if opcode & X else f"{imm:#x}" if imm >= 0 else str(imm)
    if operation == MOV and offset:
        return f"{target} = (s{offset}){operand}"
    sign = "s" if offset == 1 and operation in (DIV, MOD) else ""
    return f"{target} {sign}{SYMBOLS.get(operation, '?')} {operand}"
