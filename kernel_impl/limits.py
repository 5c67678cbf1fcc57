# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How much of the machine this process may take: descriptors and locked memory.

Soft limits are raised, up to the hard ones, for this process alone and only as far as needed.
What maps and programs take counts as locked memory before 5.11 (``bpf_map_charge_init``); libbpf
lifts that limit there and nowhere else.
"""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

from spec.errors import KernelError

SPARE = 256
"""Descriptors for maps, programs, devices and files beside the tracepoints."""
LOCKED = 4 << 20
"""Bytes: the buffers of an ``AF_XDP`` socket, and rings of tracepoints beyond what is free."""
CAP_IPC_LOCK = 14
MEMCG_ACCOUNTING = (5, 11)


def allow_descriptors(more: int) -> None:
    """See to it that *more* descriptors can be opened, and some to spare; ``EMFILE`` if not."""
    needed = len(os.listdir("/proc/self/fd")) + more + SPARE  # noqa: PTH208
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return
    if hard < needed:
        raise KernelError(errno.EMFILE, f"{needed} are needed, {hard} allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def allow_locked_memory() -> None:
    """See to it that sockets and rings can be had; ``EPERM`` if not."""
    if capabilities() & 1 << CAP_IPC_LOCK:  # no limit applies
        return
    soft, hard = (_bytes(limit) for limit in resource.getrlimit(resource.RLIMIT_MEMLOCK))
    if soft >= LOCKED:
        return
    if hard < LOCKED:
        allowed = f"{LOCKED >> 10} KiB are needed, {hard >> 10} KiB allowed"
        raise KernelError(errno.EPERM, allowed)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (LOCKED, _limit(hard)))


def maps_count_as_locked_memory(release: str) -> bool:
    """Whether maps of Linux *release* meet a limit in this process."""
    number = tuple(int(part) for part in release.split("."))
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return number < MEMCG_ACCOUNTING and soft != resource.RLIM_INFINITY


def capabilities() -> int:
    """The effective capabilities of the calling thread, one bit each."""
    status = Path("/proc/thread-self/status").read_text(encoding="utf-8")
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return int(effective.split()[1], 16)


def _bytes(limit: int) -> int:
    return 1 << 62 if limit == resource.RLIM_INFINITY else limit


def _limit(size: int) -> int:
    return resource.RLIM_INFINITY if size == 1 << 62 else size
