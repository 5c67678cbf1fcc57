# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Interface indexes that no other namespace has, so that foreign events are never taken for ours.

An ifindex is unique only within its network namespace, but the tracepoints report those of all
namespaces. Ours carry the process in their upper bits.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterable

LOOPBACK = 1
"""The loopback device's ifindex, in every namespace."""

_count = itertools.count()
# Processes in different containers may have the same number.
_seed = random.randrange(0x7FFE)


def _first() -> int:
    return ((os.getpid() + _seed) % 0x7FFE + 1) << 16


def new_ifindex() -> int:
    """An ifindex that this process has not given out before."""
    return _first() + (next(_count) & 0xFFFF)


def foreign_events_filter(fields: Iterable[str]) -> str:
    """A tracepoint filter that lets pass what may concern us; empty without an ifindex in it."""
    first = _first()
    return " || ".join(
        f"({name} >= {first} && {name} <= {first + 0xFFFF}) || {name} == {LOOPBACK}"
        for name in fields
        if name.endswith("ifindex")
    )
