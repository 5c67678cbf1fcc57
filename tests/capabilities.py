# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Acting with fewer capabilities for a while, in the model and in this very thread."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

from spec import ModelLab
from spec.lab import Lab

NUMBERS = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_BPF": 39}
VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Half(ctypes.Structure):
    """Capabilities 0 to 31, or 32 to 63."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


@contextmanager
def only(lab: Lab, *names: str) -> Iterator[None]:
    """While it lasts, whoever uses *lab* has no capabilities but those called *names*."""
    if isinstance(lab, ModelLab):
        before, lab.capabilities = lab.capabilities, frozenset(names)
        try:
            yield
        finally:
            lab.capabilities = before
        return
    header, halves = _Header(VERSION_3, 0), (_Half * 2)()
    _done(_libc.capget(ctypes.byref(header), halves))
    fewer = (_Half * 2).from_buffer_copy(halves)
    wanted = sum(1 << NUMBERS[name] for name in names)
    fewer[0].effective, fewer[1].effective = wanted & 0xFFFFFFFF, wanted >> 32
    # What is permitted stays, so that this thread can take back what it gave up.
    _done(_libc.capset(ctypes.byref(header), fewer))
    try:
        yield
    finally:
        _done(_libc.capset(ctypes.byref(header), halves))


def _done(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "capabilities")
