# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The BPF machine: executes XDP programs from object files made by clang and zig."""

from spec.machine.executable import Executable, load
from spec.machine.fault import MachineFault
from spec.machine.object import ObjectFile, read_object
from spec.machine.program import ProgramCode
from spec.machine.stepping import Step, steps

__all__ = [
    "Executable",
    "MachineFault",
    "ObjectFile",
    "ProgramCode",
    "Step",
    "load",
    "read_object",
    "steps",
]
