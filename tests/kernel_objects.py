# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What there is in the kernel, and whose it is: programs, maps, links, network namespaces.

Others use BPF on the same machine at the same time. An object is told to be left behind if some
process of ours was seen to hold it and it is still there, or if it is new and no process at all
holds it.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyroute2.netlink.rtnl.nsidmsg import nsidmsg

from kernel_impl.libbpf import check, ffi, libbpf
from kernel_impl.namespace import NetworkNamespace
from kernel_impl.netlink.socket import NetlinkSocket
from spec.errors import KernelError

RTM_NEWNSID, RTM_GETNSID = 88, 90
NO_NSID = 0xFFFFFFFF
PATIENCE_S = 20.0
KINDS = {"prog": "programs", "map": "maps", "link": "links"}
"""By what their descriptors are called in ``/proc``."""


class Belongings:
    """What some processes hold in the kernel, and how much of it is still there."""

    def __init__(self, *processes: int) -> None:
        self._home = Path("/proc/self/ns/net").readlink()
        self.namespaces: set[int] = set()
        """Their numbers, as seen from a namespace that nobody else numbers others in."""
        self.namespaces_seen: set[tuple[int, str]] = set()
        self.bpf: dict[str, set[int]] = {kind: set() for kind in KINDS}
        self._observer = NetworkNamespace()
        with self._observer.inside():
            self._netlink = NetlinkSocket(socket.NETLINK_ROUTE)
        for process in processes:
            self.note(process)

    def note(self, process: int) -> None:
        """Look at what *process* holds now."""
        for kind, number in _held(process):
            self.bpf[kind].add(number)
        # Processes go on opening and closing, and end.
        with suppress(FileNotFoundError, ProcessLookupError):
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                with suppress(FileNotFoundError, ProcessLookupError):
                    self._note_namespace(process, descriptor)

    def remaining(self) -> dict[str, set[int]]:
        """Namespaces and objects that still exist."""
        still = {KINDS[kind]: seen & existing(kind) for kind, seen in self.bpf.items()}
        still["namespaces"] = {n for n in self.namespaces if self._has_namespace(n)}
        return {kind: found for kind, found in still.items() if found}

    def left_in_the_end(self, patience: float = PATIENCE_S) -> dict[str, set[int]]:
        """What remains after the kernel had time to take the processes' things down."""
        deadline = time.monotonic() + patience
        while (remaining := self.remaining()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return remaining

    def close(self) -> None:
        self._netlink.close()
        self._observer.close()

    def _note_namespace(self, process: int, descriptor: Path) -> None:
        target = str(descriptor.readlink())
        if not target.startswith("net:[") or target == str(self._home):
            return
        # A number does not keep the namespace alive, and is taken back when it ends.
        namespace = os.open(descriptor, os.O_RDONLY)
        try:
            with suppress(KernelError):  # it has one already
                self._netlink.request(RTM_NEWNSID, _question(namespace, NETNSA_NSID=NO_NSID))
            (answer,) = self._netlink.request(RTM_GETNSID, _question(namespace))
        finally:
            os.close(namespace)
        self.namespaces_seen.add((process, target))
        self.namespaces.add(answer.get_attr("NETNSA_NSID"))

    def _has_namespace(self, number: int) -> bool:
        message = nsidmsg()
        message["attrs"] = [("NETNSA_NSID", number)]
        try:
            (answer,) = self._netlink.request(RTM_GETNSID, message)
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
            return False
        return bool(answer.get_attr("NETNSA_NSID") != NO_NSID)


class Machine:
    """What existed at one moment, so that what is left behind later stands out."""

    def __init__(self) -> None:
        self.before = {kind: existing(kind) for kind in KINDS}
        self.mounts, self.devices = _mounts(), _devices()

    def left_behind(self, patience: float = PATIENCE_S) -> dict[str, object]:
        """What is new, and held by nobody, after the kernel had time to clean up."""
        deadline = time.monotonic() + patience
        while (found := self._ownerless()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if _mounts() != self.mounts:
            found["mounts"] = _mounts()
        if _devices() != self.devices:
            found["devices"] = _devices() ^ self.devices
        return found

    def _ownerless(self) -> dict[str, object]:
        new = {kind: existing(kind) - before for kind, before in self.before.items()}
        for process in Path("/proc").glob("[0-9]*"):
            for kind, number in _held(int(process.name)):
                new[kind].discard(number)
        return {KINDS[kind]: numbers for kind, numbers in new.items() if numbers}


def existing(kind: str) -> set[int]:
    """The id of every object of *kind* on the machine."""
    following = getattr(libbpf(), f"bpf_{kind}_get_next_id")
    found: set[int] = set()
    number = ffi.new("uint32_t *")
    while True:
        result = following(number[0], number)
        if result == -errno.ENOENT:
            return found
        check(result)
        found.add(number[0])


def _held(process: int) -> set[tuple[str, int]]:
    found = set()
    # A process that we may not look at holds nothing, as far as we can tell.
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for details in Path(f"/proc/{process}/fdinfo").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                for line in details.read_text().splitlines():
                    kind, separator, number = line.partition("_id:")
                    if separator and kind in KINDS:
                        found.add((kind, int(number)))
    return found


def _question(namespace: int, **attributes: int) -> Any:
    message = nsidmsg()
    message["attrs"] = [("NETNSA_FD", namespace), *attributes.items()]
    return message


def _mounts() -> str:
    return Path("/proc/self/mountinfo").read_text()


def _devices() -> set[str]:
    return {name for _, name in socket.if_nameindex()}
