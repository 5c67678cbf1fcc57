# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Finds out which instruction of a translated program went wrong, and how.

Translated code tests nothing: Python's own errors end it. What they were about is worked out
afterwards from the registers, which are its local variables.
"""

from __future__ import annotations

from types import FrameType, TracebackType

from spec.machine.fault import MachineFault, Trap
from spec.machine.instruction import ATOMIC, LDX, LOAD_ACQUIRE, MASK64, ST, STX, Instruction


def explain(mishap: Exception) -> MachineFault | None:
    """*mishap* as a fault; None if it did not come from translated code."""
    found: TracebackType | None = None
    step = mishap.__traceback__
    is_innermost = False
    while step is not None:
        is_innermost = "EXECUTABLE" in step.tb_frame.f_globals
        found = step if is_innermost else found
        step = step.tb_next
    if found is None or not (is_innermost or isinstance(mishap, Trap)):
        return None
    executable = found.tb_frame.f_globals["EXECUTABLE"]
    index = executable.translation.instructions[found.tb_lineno - 1]
    instruction = executable.code[index]
    problem = str(mishap) if isinstance(mishap, Trap) else _problem(found.tb_frame, instruction)
    return MachineFault(problem, index, instruction, executable.program.lines.get(index))


def _problem(frame: FrameType, instruction: Instruction) -> str:
    """Repeat the access that failed, to hear why."""
    kind, variables = instruction.kind, frame.f_locals
    if kind not in (LDX, ST, STX):
        return "access outside of memory"
    is_load = kind == LDX or (instruction.mode == ATOMIC and instruction.imm == LOAD_ACQUIRE)
    register = instruction.src if is_load else instruction.dst
    address = (variables[f"r{register}"] + instruction.offset) & MASK64
    try:
        if is_load or instruction.mode == ATOMIC:
            variables["m"].load(address, instruction.size)
        if not is_load:
            variables["m"].store(address, instruction.size, 0)
    except Trap as trap:
        return str(trap)
    return f"access of {instruction.size} bytes at {address:#x} failed"
