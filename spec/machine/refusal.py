# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A program that the verifier would not load."""

from __future__ import annotations

from spec.errors import KernelError
from spec.machine.program import ProgramCode


def refused(code: int, reason: str, program: ProgramCode, index: int) -> KernelError:
    """The verifier's errno and decisive line about the instruction at *index*.

    ``source`` is what the verifier's log has before the instruction: ``; text @ file:line``.
    """
    error = KernelError(code, reason)
    error.index = index
    line = program.lines.get(index)
    if line:
        error.source = f"; {line.text.strip()} @ {line.file}:{line.number}"
    return error
