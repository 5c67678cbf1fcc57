# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compares what came of a case on the kernel and on the machine."""

from __future__ import annotations

import re

from spec.testing.differential.area import Difference
from spec.testing.differential.programs.execution import Outcome

SHOWN = 400
BEYOND = "InputError"
"""The machine says that it lacks something: a helper that is not in its table."""
CRASH = "crash"
"""What no engine may come to."""

_KNOWN = re.compile(
    r"""
    !read_ok | is\ invalid$ | uses\ reserved\ fields | unknown\ opcode | div\ by\ zero
    | invalid\ shift | frame\ pointer\ is\ read\ only | uses\ invalid\ atomic\ opcode
    | invalid\ atomic\ operand\ size | instructions\ not\ allowed | jump | unreachable\ insn
    | last\ insn\ is\ not | invalid\ destination | ld_imm64\ insn | invalid\ mem\ access
    | BPF_ATOMIC\ stores\ into | modified\ ctx\ ptr | bpf_context\ access | write\ into\ map
    | access\ to\ map\ value | access\ to\ packet | (write\ to|read\ from)\ stack
    | arithmetic\ on\ pkt_end | invalid\ func | expected=(ctx|map_ptr)$
    | cannot\ pass\ map_type | expected\ prog\ array
    """,
    re.VERBOSE,
)
"""Faults that the machine looks for too (``spec/machine/checks.py``)."""
_MEMORY = re.compile("(write to|read from) stack|access to (map value|packet)")


def difference(machine: str, model: Outcome, kernel: Outcome) -> Difference | None:
    """Where *model*, which ran by *machine*, differs from what the *kernel* shows.

    Not counting what the machine does not promise (``unpromised``).
    """
    if unpromised(model, kernel):
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
    """Why the two need not agree: what the kernel says beyond the machine's promise, or nothing.

    The machine has only part of a verifier, and may load what the kernel refuses. Of several
    faults the kernel names the first on its way, which may be one that the machine does not look
    for: errors have to agree where both speak of the same fault.
    """
    if model.error == BEYOND:
        return "calls a helper that the machine does not have"
    if not kernel.error or model.error == CRASH:
        return ""
    if model.error:
        is_elsewhere = None not in (model.at, kernel.at) and model.at != kernel.at
        # Memory that is passed to a helper is looked at before later arguments.
        is_argument = _MEMORY.search(kernel.reason) and not _MEMORY.search(model.reason)
        if not is_elsewhere and not is_argument and _KNOWN.search(kernel.reason):
            return ""
    return kernel.reason or kernel.error


def _apart(left: bytes, right: bytes) -> tuple[str, str]:
    """Lengths, and the bytes from the first that differs."""
    pairs = enumerate(zip(left, right, strict=False))
    first = next((at for at, (one, other) in pairs if one != other), min(len(left), len(right)))
    texts = (f"{len(each)} bytes, {each[first : first + 16].hex(' ')}" for each in (left, right))
    return next(texts) + f" at {first}", next(texts) + f" at {first}"


def _shown(elements: object) -> str:
    return repr(elements)[:SHOWN]
