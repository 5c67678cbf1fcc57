# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the arithmetic and comparison instructions compute, on plain unsigned integers.

Mirrors ``kernel/bpf/core.c: ___bpf_prog_run``; numbers are of ``bits`` (32 or 64) width, results
may be wider and are cut by the caller.
"""

from __future__ import annotations

from collections.abc import Callable

from spec.machine.instruction import (
    ADD,
    AND,
    ARSH,
    DIV,
    JEQ,
    JGE,
    JGT,
    JLE,
    JLT,
    JNE,
    JSET,
    JSGE,
    JSGT,
    JSLE,
    JSLT,
    LSH,
    MOD,
    MUL,
    OR,
    RSH,
    SUB,
    XOR,
)


def signed(value: int, bits: int) -> int:
    """The low *bits* of *value* in two's complement."""
    sign = 1 << bits - 1
    return ((value & (1 << bits) - 1) ^ sign) - sign


def divide(left: int, right: int) -> int:
    """Division by zero gives zero."""
    return left // right if right else 0


def modulo(left: int, right: int) -> int:
    """Modulo zero leaves the dividend."""
    return left % right if right else left


def signed_divide(left: int, right: int, bits: int) -> int:
    """Rounds towards zero."""
    left, right = signed(left, bits), signed(right, bits)
    if not right:
        return 0
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def signed_modulo(left: int, right: int, bits: int) -> int:
    """The remainder has the dividend's sign."""
    left, right = signed(left, bits), signed(right, bits)
    if not right:
        return left
    remainder = abs(left) % abs(right)
    return -remainder if left < 0 else remainder


def byte_swap(value: int, bits: int) -> int:
    """The low *bits* of *value* with their bytes in reverse order."""
    size = bits // 8
    return int.from_bytes((value & (1 << bits) - 1).to_bytes(size, "little"), "big")


BINARY: dict[int, Callable[[int, int, int], int]] = {
    ADD: lambda left, right, _: left + right,
    SUB: lambda left, right, _: left - right,
    MUL: lambda left, right, _: left * right,
    DIV: lambda left, right, _: divide(left, right),
    MOD: lambda left, right, _: modulo(left, right),
    OR: lambda left, right, _: left | right,
    AND: lambda left, right, _: left & right,
    XOR: lambda left, right, _: left ^ right,
    LSH: lambda left, right, bits: left << (right & bits - 1),
    RSH: lambda left, right, bits: left >> (right & bits - 1),
    ARSH: lambda left, right, bits: signed(left, bits) >> (right & bits - 1),
}

COMPARE: dict[int, Callable[[int, int, int], bool]] = {
    JEQ: lambda left, right, _: left == right,
    JNE: lambda left, right, _: left != right,
    JGT: lambda left, right, _: left > right,
    JGE: lambda left, right, _: left >= right,
    JLT: lambda left, right, _: left < right,
    JLE: lambda left, right, _: left <= right,
    JSET: lambda left, right, _: bool(left & right),
    JSGT: lambda left, right, bits: signed(left, bits) > signed(right, bits),
    JSGE: lambda left, right, bits: signed(left, bits) >= signed(right, bits),
    JSLT: lambda left, right, bits: signed(left, bits) < signed(right, bits),
    JSLE: lambda left, right, bits: signed(left, bits) <= signed(right, bits),
}
