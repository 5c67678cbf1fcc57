# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The kernel's tracing file system, mounted or not, through one directory descriptor.

Where nobody has mounted it we mount it for ourselves alone: as a mount that is attached nowhere
and goes away with its descriptor.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from kernel_impl.descriptor import Descriptor
from kernel_impl.libbpf import check_errno, ffi, libc
from spec.errors import KernelError

MOUNT_POINTS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
# Older C libraries lack these functions; the numbers are the same on every machine.
SYS_FSOPEN, SYS_FSCONFIG, SYS_FSMOUNT = 430, 431, 432
FSOPEN_CLOEXEC = FSMOUNT_CLOEXEC = 1
FSCONFIG_CMD_CREATE = 6
_FIELD = re.compile(r"field:(.*?)(\w+)(?:\[\d*\])?;\s*offset:(\d+);\s*size:(\d+);\s*signed:(\d);")


class TraceField(NamedTuple):
    """Where a value sits in a tracepoint's record; offset and size in bytes."""

    name: str
    offset: int
    size: int
    signed: bool


class Tracepoint(NamedTuple):
    """A tracepoint of the group ``xdp``: its number and its own fields in their order."""

    name: str
    id: int
    fields: tuple[TraceField, ...]


@cache
def xdp_tracepoints() -> Mapping[str, Tracepoint]:
    """Every tracepoint of the group by name; ``KernelError`` where tracefs can't be had."""
    root = open_tracefs()
    try:
        group = Descriptor(os.open("events/xdp", os.O_RDONLY | os.O_DIRECTORY, dir_fd=root.fd))
    except OSError as error:
        raise KernelError(error.errno or 0, "tracefs has no events/xdp") from None
    names = [
        entry
        for entry in os.listdir(group.fd)  # noqa: PTH208 - a descriptor, no path
        if entry not in ("enable", "filter")
    ]
    return {name: _tracepoint(name, group.fd) for name in sorted(names)}


def open_tracefs() -> Descriptor:
    """The root directory of tracefs; the mount, if it is ours, goes with the descriptor."""
    for path in MOUNT_POINTS:
        try:
            directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            continue
        # The directory is there even when nothing is mounted on it.
        if "events" in os.listdir(directory):  # noqa: PTH208
            return Descriptor(directory)
        os.close(directory)
    return Descriptor(_mount())


def _mount() -> int:
    context = Descriptor(_call(SYS_FSOPEN, ffi.new("char[]", b"tracefs"), FSOPEN_CLOEXEC))
    _call(SYS_FSCONFIG, context.fd, FSCONFIG_CMD_CREATE, ffi.NULL, ffi.NULL, 0)
    return _call(SYS_FSMOUNT, context.fd, FSMOUNT_CLOEXEC, 0)


def _call(number: int, *arguments: object) -> int:
    plain = [ffi.cast("long", value) if isinstance(value, int) else value for value in arguments]
    result: int = check_errno(libc().syscall(number, *plain))
    return result


def _tracepoint(name: str, group: int) -> Tracepoint:
    fields = [
        TraceField(field, int(offset), int(size), signed == "1")
        for _, field, offset, size, signed in _FIELD.findall(_read(f"{name}/format", group))
        if not field.startswith("common_")
    ]
    return Tracepoint(name, int(_read(f"{name}/id", group)), tuple(fields))


def _read(path: str, group: int) -> str:
    with os.fdopen(os.open(path, os.O_RDONLY, dir_fd=group), encoding="utf-8") as file:
        return file.read()
