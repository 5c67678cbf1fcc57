# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A program that went wrong while it ran: something the kernel's verifier exists to prevent."""

from __future__ import annotations

from spec.machine.instruction import Instruction
from spec.machine.line_info import Line

BUDGET = 1_000_000
"""Instructions after which a run is stopped: what the verifier would look at at most.

Engines test it where control goes backwards and at calls.
"""

MAX_DEPTH = 8
"""Functions that may be active at once (``include/linux/bpf_verifier.h: MAX_CALL_FRAMES``)."""


class MachineFault(Exception):  # noqa: N818 - it is the program's, not ours
    """A run came to an end that no verified program has; the message names the instruction."""

    def __init__(self, problem: str, index: int, instruction: Instruction, line: Line | None):
        super().__init__(problem, index, instruction, line)
        self.problem, self.index, self.instruction, self.line = problem, index, instruction, line

    def __str__(self) -> str:
        where = f"instruction {self.index} ({self.instruction})"
        place = f"{self.line.file}:{self.line.number}: " if self.line else ""
        source = f", in: {self.line.text.strip()}" if self.line and self.line.text.strip() else ""
        return f"{place}{self.problem} at {where}{source}"


class Trap(Exception):  # noqa: N818
    """The reason for a fault, before the engine has added the instruction."""


class TooManyFunctions(Trap):
    """More than ``MAX_DEPTH`` functions were active at once."""

    def __init__(self) -> None:
        super().__init__(f"more than {MAX_DEPTH} functions are active")


class OutOfBudget(Trap):
    """More than ``BUDGET`` instructions were executed."""

    def __init__(self) -> None:
        super().__init__(f"stopped after {BUDGET:,} instructions")
