# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the live kernel needs before it can be asked anything: found out by trying, not by guessing.

Each probe does the thing itself, on a small scale, and leaves nothing behind.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

from kernel_impl.btf import layout
from kernel_impl.descriptor import Descriptor
from kernel_impl.devices.tap import CLONE_DEVICE, open_tap
from kernel_impl.ifindex import new_ifindex
from kernel_impl.libbpf import LIBRARY, check, ffi, libbpf
from kernel_impl.limits import (
    allow_descriptors,
    allow_locked_memory,
    capabilities,
    maps_count_as_locked_memory,
)
from kernel_impl.namespace import NetworkNamespace
from kernel_impl.perf import tracepoint_descriptors
from kernel_impl.release import release
from kernel_impl.trace import EventSource
from kernel_impl.tracefs import xdp_tracepoints
from spec.errors import CannotTellError, KernelError
from spec.trace import EVENT_TYPES
from spec.uapi import BPF_PROG_TYPE_XDP, XDP_PASS, MapType

CAPABILITIES = {
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_ADMIN": 21,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}
"""Bit numbers (``include/uapi/linux/capability.h``): for devices, for packet and ``AF_XDP``
sockets, for namespaces and objects by their ids, for tracepoints, for maps and programs."""
RETURN_XDP_PASS = struct.pack("=BBhiBBhi", 0xB7, 0, 0, XDP_PASS, 0x95, 0, 0, 0)
"""``r0 = XDP_PASS; exit``."""


class Answer(Enum):
    """What a probe can find."""

    YES = "yes"
    NO = "no"
    CANT_TELL = "can't tell"


class Finding(NamedTuple):
    """One prerequisite: is it there, and if not, what is wrong and what helps."""

    name: str
    answer: Answer
    problem: str = ""
    remedy: str = ""
    partial: bool = False
    """Without it only a part of the pages can't be told."""

    @property
    def prevents(self) -> bool:
        """Whether nothing can be run like this."""
        return self.answer is Answer.NO and not self.partial

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


class _Probe(NamedTuple):
    name: str
    attempt: Callable[[], object]
    problem: str
    remedy: str
    needs: tuple[str, ...] = ()
    """Probes without whose success this one would fail for the wrong reason."""
    partial: bool = False


class _MissingError(Exception):
    """A probe's own words on what is missing, and on what helps if that is not the usual."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem, self.remedy = problem, remedy


def findings() -> Iterator[Finding]:
    """Every prerequisite in the order in which they depend on each other."""
    present = set[str]()
    for probe in _PROBES:
        found = _try(probe, present)
        if found.answer is Answer.YES:
            present.add(probe.name)
        yield found


def _try(probe: _Probe, present: set[str]) -> Finding:
    absent = [name for name in probe.needs if name not in present]
    if absent:
        return Finding(probe.name, Answer.CANT_TELL, f"not tried without {absent[0]}")
    try:
        probe.attempt()
    except _MissingError as missing:
        problem, remedy = missing.problem, missing.remedy or probe.remedy
    except OSError as error:
        problem, remedy = f"{probe.problem}: {_reason(error)}", probe.remedy
    else:
        return Finding(probe.name, Answer.YES)
    return Finding(probe.name, Answer.NO, problem, remedy, probe.partial)


def missing() -> str | None:
    """In one line what the live kernel lacks and what helps; ``None`` if nothing is missing."""
    return next((str(found) for found in findings() if found.prevents), None)


def _reason(error: OSError) -> str:
    if isinstance(error, KernelError):
        return str(error)
    name = errno.errorcode.get(error.errno or 0)
    # The dynamic linker's own words go first, then Python's about where else it looked.
    return name or " ".join(str(error).partition(". Additionally")[0].split())


def _capabilities() -> None:
    held = capabilities()
    lacking = [name for name, bit in CAPABILITIES.items() if not held & 1 << bit]
    if lacking:
        remedy = f"run as root (sudo), or add {'it' if len(lacking) == 1 else 'them'}"
        raise _MissingError(f"not root and without {' '.join(lacking)}", remedy)


def _open_files() -> None:
    allow_descriptors(tracepoint_descriptors(len(EVENT_TYPES)))


def _bpf_map() -> None:
    array = MapType.BPF_MAP_TYPE_ARRAY
    try:
        Descriptor(check(libbpf().bpf_map_create(array, b"", 4, 4, 1, ffi.NULL))).close()
    except KernelError as error:
        if error.errno == errno.EPERM and maps_count_as_locked_memory(release()):
            remedy = "ulimit -l unlimited, or add CAP_SYS_RESOURCE"
            problem = f"Linux {release()} counts BPF maps as locked memory, which has a limit here"
            raise _MissingError(problem, remedy) from None
        raise


def _xdp_program() -> None:
    code = ffi.from_buffer(RETURN_XDP_PASS)
    load = libbpf().bpf_prog_load
    count = len(RETURN_XDP_PASS) // 8
    Descriptor(check(load(BPF_PROG_TYPE_XDP, b"", b"GPL", code, count, ffi.NULL))).close()


def _tun() -> None:
    network = NetworkNamespace()
    try:
        with network.inside():
            open_tap("probe", new_ifindex()).close()
    except KernelError as error:
        if error.errno != errno.EACCES:
            raise
        problem = f"{CLONE_DEVICE} can't be opened by user {os.geteuid()}"
        remedy = f"let it: chmod 666 {CLONE_DEVICE}, as udev does"
        raise _MissingError(problem, remedy) from None
    finally:
        network.close()


def _veth() -> None:
    network = NetworkNamespace()
    try:
        network.links.create_veth("a", new_ifindex(), "b", new_ifindex())
    finally:
        network.close()


def _tracefs() -> None:
    try:
        xdp_tracepoints()
    except OSError as error:
        if error.errno != errno.EACCES:
            raise
        problem = f"tracefs can't be read by user {os.geteuid()}"
        remedy = "add CAP_DAC_READ_SEARCH, or mount it with a gid= and mode= that let this user"
        raise _MissingError(problem, remedy) from None


def _kernel_types() -> None:
    try:
        layout("bpf_map_info")
    except CannotTellError as error:
        problem, _, remedy = str(error).partition("; ")
        raise _MissingError(problem, remedy) from None


_PRIVILEGES = "capabilities"
_OPEN_FILES = "open files"
_LOCKED_MEMORY = "locked memory"
_NAMESPACES = "network namespaces"
_MAPS = "BPF maps"
_TRACEFS = "tracefs"
_ELSEWHERE = "use a kernel with BPF, outside user namespaces and locked-down containers"
_PROBES = (
    _Probe(
        LIBRARY,
        libbpf,
        f"{LIBRARY} can't be loaded",
        "install libbpf1 (Debian, Ubuntu) or libbpf (Fedora, Arch), 1.0 or later",
    ),
    _Probe(_PRIVILEGES, _capabilities, "", ""),
    _Probe(
        _OPEN_FILES, _open_files, "too few open files are allowed", "ulimit -n 8192", (LIBRARY,)
    ),
    _Probe(
        _LOCKED_MEMORY,
        allow_locked_memory,
        "too little locked memory is allowed",
        "ulimit -l 8192, or add CAP_IPC_LOCK",
    ),
    _Probe(_MAPS, _bpf_map, "BPF is switched off here", _ELSEWHERE, (LIBRARY, _PRIVILEGES)),
    _Probe("XDP programs", _xdp_program, "no XDP program can be loaded", _ELSEWHERE, (_MAPS,)),
    _Probe(
        _NAMESPACES,
        lambda: NetworkNamespace().close(),
        "no network namespace can be made",
        "allow unshare(2) and setns(2) in this container",
        (_PRIVILEGES,),
    ),
    _Probe(
        CLONE_DEVICE,
        _tun,
        f"{CLONE_DEVICE} can't be used",
        f"modprobe tun, or give the container --device {CLONE_DEVICE}",
        (_NAMESPACES,),
    ),
    _Probe("veth", _veth, "no veth pair can be made", "modprobe veth", (_NAMESPACES,)),
    _Probe(
        _TRACEFS,
        _tracefs,
        "the xdp tracepoints can't be found",
        "mount -t tracefs tracefs /sys/kernel/tracing",
        (_PRIVILEGES,),
    ),
    _Probe(
        "perf events",
        lambda: EventSource().close(),
        "the xdp tracepoints can't be opened",
        "allow perf_event_open(2) in this container",
        (_MAPS, _TRACEFS, _OPEN_FILES, _LOCKED_MEMORY),
    ),
    _Probe("BTF", _kernel_types, "", "", (LIBRARY,), partial=True),
)
