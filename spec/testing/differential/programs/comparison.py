# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compares what came of a case on the kernel and on the machine."""

from __future__ import annotations

from spec.testing.differential.area import Difference
from spec.testing.differential.programs.execution import Outcome

SHOWN = 400


def difference(machine: str, model: Outcome, kernel: Outcome) -> Difference | None:
    """Where *model*, which ran by *machine*, differs from what the *kernel* shows.

    That the kernel refuses what the machine would load is none: the machine has only part of a
    verifier (``unpromised``).
    """
    if kernel.error and not model.error:
        return None
    if model.error != kernel.error:
        told = [f"{each.error} {each.reason}".strip() or "taken" for each in (model, kernel)]
        return Difference(f"load, by the {machine}", *told)
    for number, (left, right) in enumerate(zip(model.runs, kernel.runs, strict=True)):
        if left.retval != right.retval:
            what = f"packet {number}: return value, by the {machine}"
            return Difference(what, f"{left.retval:#x}", f"{right.retval:#x}")
        if left.data != right.data:
            what = f"packet {number}: packet after the run, by the {machine}"
            return Difference(what, *_apart(left.data, right.data))
    for name, elements in kernel.maps.items():
        if model.maps[name] != elements:
            what = f"{name}: elements, by the {machine}"
            return Difference(what, _shown(model.maps[name]), _shown(elements))
    return None


def unpromised(model: Outcome, kernel: Outcome) -> str:
    """Why the kernel refuses what the machine takes; empty where it does not."""
    return kernel.reason or kernel.error if kernel.error and not model.error else ""


def _apart(left: bytes, right: bytes) -> tuple[str, str]:
    """Lengths, and the bytes from the first that differs."""
    pairs = enumerate(zip(left, right, strict=False))
    first = next((at for at, (one, other) in pairs if one != other), min(len(left), len(right)))
    texts = (f"{len(each)} bytes, {each[first : first + 16].hex(' ')}" for each in (left, right))
    return next(texts) + f" at {first}", next(texts) + f" at {first}"


def _shown(elements: object) -> str:
    return repr(elements)[:SHOWN]
