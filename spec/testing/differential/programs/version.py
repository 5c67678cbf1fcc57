# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which instructions an engine takes: asked by loading a program with one of them."""

from __future__ import annotations

from typing import NamedTuple

from spec.errors import KernelError
from spec.lab import Lab
from spec.testing.differential.programs.assembly import EXIT, Line, Lines, assemble, op
from spec.testing.differential.programs.memory_file import loaded
from spec.testing.differential.programs.object_file import write_object

NEWEST = 4


class Version(NamedTuple):
    """An instruction set: the compiler's ``-mcpu=v1`` to ``v4``, and what came after v4."""

    number: int = NEWEST
    has_acquire: bool = True
    """Whether there are load-acquire and store-release."""


_PROBES: dict[int, Lines] = {
    # if r0 < 1
    2: [Line(op(0xB7)), Line(op(0xA5, imm=1)), Line(EXIT)],
    # r1 = 0; *(u64 *)(r10 - 8) = 0; lock fetch_or *(u64 *)(r10 - 8)
    3: [
        Line(op(0xB7, 0)),
        Line(op(0x7A, 10, 0, -8)),
        Line(op(0xDB, 10, 0, -8, 0x41)),
        Line(EXIT),
    ],
    # r0 = (s8)r0
    4: [Line(op(0xB7)), Line(op(0xBF, 0, 0, 8)), Line(EXIT)],
}
_ACQUIRE = [Line(op(0x7A, 10, 0, -8)), Line(op(0xDB, 0, 10, -8, 0x100)), Line(EXIT)]


def probe(lab: Lab, highest: int = NEWEST) -> Version:
    """What *lab* takes, up to version *highest*."""
    number = 1
    while number < highest and _takes(lab, _PROBES[number + 1]):
        number += 1
    return Version(number, number == NEWEST and _takes(lab, _ACQUIRE))


def _takes(lab: Lab, lines: Lines) -> bool:
    try:
        with loaded(lab, write_object({"program": assemble(lines)})):
            return True
    except KernelError:
        return False
