# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The one interface that both engines implement and that pages and test scripts speak to.

``spec.ModelLab`` answers from the reference model, ``kernel_impl.KernelLab`` from the running
kernel. Everything here raises ``KernelError`` where the kernel refuses, leaving all state as it
was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from typing import NamedTuple, Self

from spec.interface.device import Device, Namespace
from spec.interface.map import Key, Map, MapValue, Value
from spec.interface.program import Program, TestRun
from spec.interface.socket import Socket
from spec.trace import EventLog

__all__ = [
    "Device",
    "Field",
    "Key",
    "Lab",
    "LoadedObject",
    "Map",
    "MapValue",
    "Namespace",
    "Program",
    "Socket",
    "TestRun",
    "Value",
]


class LoadedObject(ABC):
    """The programs and maps of one object file; usable as a context manager."""

    programs: Mapping[str, Program]
    maps: Mapping[str, Map]

    @abstractmethod
    def close(self) -> None:
        """Give up every descriptor of the object."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Field(NamedTuple):
    """A member of a structure: byte offset and size as the kernel's type information has them."""

    name: str
    offset: int
    size: int


class Lab(ABC):
    """An isolated set of devices, maps and programs on one engine; usable as a context manager."""

    engine: str
    release: str
    """Kernel release as ``6.18``: major and minor number."""

    lo: Device
    """The loopback device of the lab's namespace."""

    @abstractmethod
    def create_map(
        self,
        type: str | int,
        key_size: int = 4,
        value_size: int = 4,
        max_entries: int = 1,
        map_flags: int = 0,
        name: str = "",
        type_sizes: tuple[int, int] | None = None,
    ) -> Map:
        """``BPF_MAP_CREATE`` for *type* such as ``"devmap"`` or ``"BPF_MAP_TYPE_DEVMAP"``.

        With *type_sizes*, key and value are described by BTF integers of so many bytes.
        """

    @abstractmethod
    def load(self, path: str | PathLike[str], bound_to: Device | None = None) -> LoadedObject:
        """Load every map and XDP program of an ELF object file made by clang or zig.

        Programs of other types and those in a section that begins with ``?`` are left out.

        Every program is bound to the device *bound_to* if there is one
        (``BPF_F_XDP_DEV_BOUND_ONLY``).
        A program that is refused raises ``KernelError`` whose reason is the decisive line of the
        verifier's log.
        """

    @abstractmethod
    def tap(self, name: str) -> Device:
        """A tap device, up, whose far end is in the lab's hands."""

    @abstractmethod
    def veth(self, name: str, peer: str = "", queues: int = 1, peer_queues: int = 0) -> Device:
        """A veth pair, both ends up; the other end is ``device.peer``, named *peer*.

        Each end receives and sends by *queues* queues, or the other one by *peer_queues*.
        """

    @abstractmethod
    def macvlan(self, name: str, lower: Device) -> Device:
        """A macvlan on top of *lower*, up: an upper device of it."""

    @abstractmethod
    def bridge(self, name: str, *ports: Device) -> Device:
        """A bridge over *ports*, up: the upper device of each."""

    @abstractmethod
    def ifb(self, name: str) -> Device:
        """An intermediate functional block device, up; only traffic control gives it frames."""

    @abstractmethod
    def namespace(self) -> Namespace:
        """Another network namespace, empty but for its loopback device."""

    @abstractmethod
    def socket(self, ring: int = 64, fill: int = 64, frame_size: int = 4096) -> Socket:
        """An ``AF_XDP`` socket, unbound, with receive and fill rings of *ring* entries.

        *fill* buffers of *frame_size* bytes are in the fill ring from the start.
        """

    @abstractmethod
    def events(self) -> EventLog:
        """Everything that happened since events were last taken, here or by a step's result."""

    @abstractmethod
    def tracepoints(self) -> Mapping[str, tuple[str, ...]]:
        """The ``xdp`` tracepoints of this release, each with the names of its own fields."""

    @abstractmethod
    def struct(self, name: str) -> tuple[Field, ...]:
        """Layout of a UAPI structure (``"bpf_devmap_val"``), flattened: unions list each member."""

    @abstractmethod
    def by_fd(self, fd: int) -> Map | Program:
        """What a descriptor of this lab stands for; ``EBADF`` if nothing."""

    @abstractmethod
    def devices(self) -> Mapping[int, Device]:
        """The devices in the lab's own namespace by ifindex, the loopback device included."""

    @abstractmethod
    def device_name(self, ifindex: int) -> str:
        """The device's name, or the number itself where the lab has no such device."""

    @abstractmethod
    def map_name(self, map_id: int) -> str: ...

    @abstractmethod
    def program_name(self, prog_id: int) -> str: ...

    def inside(self) -> AbstractContextManager[object]:
        """While it lasts, system calls made by this thread act in the lab's namespace."""
        return nullcontext()

    @abstractmethod
    def close(self) -> None:
        """Take everything down; nothing is left behind."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
