# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Numbers that arithmetic is apt to get wrong."""

from __future__ import annotations

from spec.testing.differential.choices import Choices

IMMEDIATES = (
    0, 1, 2, 3, 7, 8, 14, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF,
    0x10000, 0x7FFFFFFF, -1, -2, -7, -8, -128, -129, -0x8000, -0x8001, -0x7FFFFFFF, -0x80000000,
)  # fmt: skip
WIDE = (
    0x80000000, 0xFFFFFFFF, 0x100000000, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000,
    0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF80000000, 0xFFFFFFFF7FFFFFFF, 0x0123456789ABCDEF,
    0xFFFF, 0xFF80, 0x8000,
)  # fmt: skip


def immediate(choices: Choices) -> int:
    """A signed number of 32 bits."""
    if choices.chance(0.6):
        return choices.one_of(IMMEDIATES)
    return choices.integer(-0x80000000, 0x7FFFFFFF)


def number_64(choices: Choices) -> int:
    """An unsigned number of 64 bits."""
    if choices.chance(0.6):
        return choices.one_of(WIDE)
    return int.from_bytes(choices.blob(8), "little")
