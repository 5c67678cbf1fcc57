# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The BPF machine: executes XDP programs from object files made by clang and zig."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_MODULES = {
    "Executable": "executable",
    "MachineFault": "fault",
    "ObjectFile": "object",
    "ProgramCode": "program",
    "Step": "stepping",
    "load": "executable",
    "read_object": "object",
    "steps": "stepping",
}


def __getattr__(name: str) -> Any:
    """Imported on first use, so that a lab without programs starts without all of this."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
