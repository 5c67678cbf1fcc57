# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the live kernel needs before it can be asked anything: found out by trying, not by guessing.

Each probe does the thing itself, on a small scale, and leaves nothing behind.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from kernel_impl.descriptor import Descriptor
from kernel_impl.devices.tap import CLONE_DEVICE, open_tap
from kernel_impl.ifindex import new_ifindex
from kernel_impl.libbpf import LIBRARY, check, ffi, libbpf
from kernel_impl.namespace import NetworkNamespace
from kernel_impl.trace import EventSource
from kernel_impl.tracefs import xdp_tracepoints
from spec.errors import KernelError
from spec.uapi import BPF_PROG_TYPE_XDP, XDP_PASS, MapType

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}
"""Bit numbers (``include/uapi/linux/capability.h``)."""
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

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


class _Probe(NamedTuple):
    name: str
    attempt: Callable[[], object]
    problem: str
    remedy: str
    needs: tuple[str, ...] = ()
    """Probes without whose success this one would fail for the wrong reason."""


class _MissingError(Exception):
    """A probe's own words on what is missing."""


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
        return Finding(probe.name, Answer.NO, str(missing), probe.remedy)
    except OSError as error:
        return Finding(probe.name, Answer.NO, f"{probe.problem}: {_reason(error)}", probe.remedy)
    return Finding(probe.name, Answer.YES)


def missing() -> str | None:
    """In one line what the live kernel lacks and what helps; ``None`` if nothing is missing."""
    return next((str(found) for found in findings() if found.answer is Answer.NO), None)


def _reason(error: OSError) -> str:
    if isinstance(error, KernelError):
        return str(error)
    return errno.errorcode.get(error.errno or 0, str(error))


def _capabilities() -> None:
    status = Path("/proc/thread-self/status").read_text(encoding="utf-8")
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    held = int(effective.split()[1], 16)
    lacking = [name for name, bit in CAPABILITIES.items() if not held & 1 << bit]
    if lacking:
        raise _MissingError(f"not root and without {' '.join(lacking)}")


def _bpf_map() -> None:
    array = MapType.BPF_MAP_TYPE_ARRAY
    Descriptor(check(libbpf().bpf_map_create(array, b"", 4, 4, 1, ffi.NULL))).close()


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
    finally:
        network.close()


def _veth() -> None:
    network = NetworkNamespace()
    try:
        network.links.create_veth("a", new_ifindex(), "b", new_ifindex())
    finally:
        network.close()


_PRIVILEGES = "capabilities"
_NAMESPACES = "network namespaces"
_MAPS = "BPF maps"
_TRACEFS = "tracefs"
_ELSEWHERE = "use a kernel with BPF, outside user namespaces and locked-down containers"
_PROBES = (
    _Probe(
        LIBRARY,
        libbpf,
        f"{LIBRARY} can't be loaded",
        "install libbpf1 (Debian, Ubuntu) or libbpf (Fedora, Arch)",
    ),
    _Probe(_PRIVILEGES, _capabilities, "", "run as root (sudo)"),
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
        xdp_tracepoints,
        "the xdp tracepoints can't be found",
        "mount -t tracefs tracefs /sys/kernel/tracing",
        (_PRIVILEGES,),
    ),
    _Probe(
        "perf events",
        lambda: EventSource().close(),
        "the xdp tracepoints can't be opened",
        "allow perf_event_open(2) in this container",
        (_MAPS, _TRACEFS),
    ),
)
