# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The one interface that both engines implement and that pages and test scripts speak to.

``spec.ModelLab`` answers from the reference model, ``kernel_impl.KernelLab`` from the running
kernel. Everything here raises ``KernelError`` where the kernel refuses, leaving all state as it
was.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from typing import NamedTuple, Self, TypeAlias

from spec.errors import KernelError
from spec.trace import EventLog
from spec.uapi import MapType, Verdict, verdict

U32 = 0xFFFFFFFF


class TestRun(NamedTuple):
    """What one ``BPF_PROG_TEST_RUN`` gave back.

    ``retval`` is the program's return value (always 0 for live frames), ``data`` the packet
    afterwards (empty for live frames), ``events`` what live frames caused.
    """

    retval: Verdict | int
    data: bytes
    events: EventLog

    @classmethod
    def of(cls, retval: int, data: bytes, events: EventLog) -> TestRun:
        return cls(verdict(retval), data, events)


class Program(ABC):
    """A loaded XDP program."""

    name: str
    fd: int
    id: int

    @abstractmethod
    def test_run(
        self,
        data: bytes,
        ingress: Device | None = None,
        repeat: int = 1,
        live: bool = False,
        batch_size: int = 0,
    ) -> TestRun:
        """Run the program on *data* (``net/bpf/test_run.c: bpf_prog_test_run_xdp``).

        Plain runs only report the verdict. With ``live=True`` the verdict is carried out, for
        *repeat* frames in batches of *batch_size* (0 means 64). *ingress* is the receiving
        device; without it the loopback device of the lab's namespace.
        """

    @abstractmethod
    def close(self) -> None:
        """Give up the file descriptor; the program lives on where it is attached or stored."""

    def __repr__(self) -> str:
        return f"<program {self.name}>"


class Device(ABC):
    """A network device of the lab."""

    name: str
    ifindex: int

    @property
    @abstractmethod
    def mtu(self) -> int:
        """Largest packet in bytes, without the Ethernet header; assignable."""

    @mtu.setter
    @abstractmethod
    def mtu(self, value: int) -> None: ...

    @property
    @abstractmethod
    def peer(self) -> Device | None:
        """The other end of a veth pair."""

    @abstractmethod
    def up(self) -> None: ...

    @abstractmethod
    def down(self) -> None: ...

    @abstractmethod
    def remove(self) -> None:
        """Unregister the device; for a veth, its peer goes too."""

    @abstractmethod
    def move(self, namespace: Namespace) -> None:
        """Move the device to another network namespace (it keeps its ifindex here)."""

    @abstractmethod
    def attach(self, program: Program, mode: str = "native") -> None:
        """Attach *program*, replacing one in the same *mode* (``"native"`` or ``"generic"``)."""

    @abstractmethod
    def detach(self) -> None:
        """Remove the attached program; without one, nothing happens."""

    @abstractmethod
    def offload(self, feature: str, on: bool) -> None:
        """Switch an ethtool feature: ``"gro"`` as in ``ethtool -K eth0 gro on``."""

    @abstractmethod
    def receive(self, *frames: bytes) -> EventLog:
        """Let *frames* arrive at this device one by one, each in a NAPI cycle of its own.

        Begins a new step: ``sent`` and ``received`` of every device start out empty.
        """

    @property
    @abstractmethod
    def sent(self) -> list[bytes]:
        """Frames that left through this device since the last step began."""

    @property
    @abstractmethod
    def received(self) -> list[bytes]:
        """Frames that this device handed to the network stack since the last step began."""

    @property
    @abstractmethod
    def counters(self) -> Mapping[str, int]:
        """``rx_packets``, ``tx_packets``, ``rx_dropped``, ``tx_dropped``, as in ``ip -s link``."""

    @property
    @abstractmethod
    def xdp_features(self) -> frozenset[str]:
        """``basic``, ``redirect``, ``ndo-xmit``, …: the names of the netdev netlink family."""

    def __repr__(self) -> str:
        return self.name


class Namespace(ABC):
    """A network namespace beside the lab's own."""

    @abstractmethod
    def close(self) -> None: ...


Key: TypeAlias = int | bytes
Value: TypeAlias = int | bytes | Device | tuple[Device | int, Program | int]


class MapValue(bytes):
    """The bytes of an element, readable as ``struct bpf_devmap_val`` in a map of devices."""

    text = ""

    @property
    def ifindex(self) -> int:
        return int.from_bytes(self[:4], sys.byteorder)

    @property
    def prog_id(self) -> int:
        """``bpf_prog.id``; 0 without a program or in a map of plain ifindex values."""
        return int.from_bytes(self[4:8], sys.byteorder)

    def __repr__(self) -> str:
        return self.text or super().__repr__()


class Map(ABC):
    """A BPF map and the four element operations of user space."""

    name: str
    fd: int
    id: int
    type: MapType
    key_size: int
    value_size: int
    max_entries: int
    lab: Lab

    @property
    @abstractmethod
    def map_flags(self) -> int:
        """Flags as ``BPF_OBJ_GET_INFO_BY_FD`` reports them."""

    @abstractmethod
    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None: ...

    @abstractmethod
    def lookup_bytes(self, key: bytes) -> bytes: ...

    @abstractmethod
    def delete_bytes(self, key: bytes) -> None: ...

    @abstractmethod
    def next_key_bytes(self, key: bytes | None) -> bytes: ...

    @abstractmethod
    def freeze(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    def update(self, key: Key, value: Value, flags: int = 0) -> None:
        """``BPF_MAP_UPDATE_ELEM``: *value* is a device, ``(device, program)``, ifindex or bytes."""
        self.update_bytes(self._key(key), self._value(value), flags)

    def lookup(self, key: Key) -> MapValue:
        """``BPF_MAP_LOOKUP_ELEM``: the element's value, or ``ENOENT``."""
        value = MapValue(self.lookup_bytes(self._key(key)))
        value.text = self._describe(value)
        return value

    def delete(self, key: Key) -> None:
        """``BPF_MAP_DELETE_ELEM``."""
        self.delete_bytes(self._key(key))

    def next_key(self, key: Key | None) -> int:
        """``BPF_MAP_GET_NEXT_KEY``: the key after *key*, or the first; ``ENOENT`` at the end."""
        following = self.next_key_bytes(None if key is None else self._key(key))
        return int.from_bytes(following, sys.byteorder)

    def keys(self) -> Iterator[int]:
        """Every key in the order in which the kernel iterates."""
        key: int | None = None
        while True:
            try:
                key = self.next_key(key)
            except KernelError:
                return
            yield key

    def _key(self, key: Key) -> bytes:
        if isinstance(key, bytes):
            return key
        return (key & (1 << 8 * self.key_size) - 1).to_bytes(self.key_size, sys.byteorder)

    def _value(self, value: Value) -> bytes:
        if isinstance(value, bytes):
            return value
        first, second = value if isinstance(value, tuple) else (value, 0)
        words = (
            first.ifindex if isinstance(first, Device) else first,
            second.fd if isinstance(second, Program) else second,
        )
        raw = b"".join((word & U32).to_bytes(4, sys.byteorder) for word in words)
        return raw[: self.value_size].ljust(self.value_size, b"\0")

    def _describe(self, value: MapValue) -> str:
        if self.type not in (MapType.BPF_MAP_TYPE_DEVMAP, MapType.BPF_MAP_TYPE_DEVMAP_HASH):
            return ""
        text = self.lab.device_name(value.ifindex)
        if len(value) < 8:
            return text
        program = self.lab.program_name(value.prog_id) if value.prog_id else "none"
        return f"{text} with program {program}"

    def __repr__(self) -> str:
        return f"<map {self.name}>"


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
    ) -> Map:
        """``BPF_MAP_CREATE`` for *type* such as ``"devmap"`` or ``"BPF_MAP_TYPE_DEVMAP"``."""

    @abstractmethod
    def load(self, path: str | PathLike[str]) -> LoadedObject:
        """Load every map and program of an ELF object file made by clang or zig.

        A program that is refused raises ``KernelError`` whose reason is the decisive line of the
        verifier's log.
        """

    @abstractmethod
    def tap(self, name: str) -> Device:
        """A tap device, up, whose far end is in the lab's hands."""

    @abstractmethod
    def veth(self, name: str, peer: str = "") -> Device:
        """A veth pair, both ends up; the other end is ``device.peer``, named *peer*."""

    @abstractmethod
    def macvlan(self, name: str, lower: Device) -> Device:
        """A macvlan on top of *lower*, up: an upper device of it."""

    @abstractmethod
    def bridge(self, name: str, *ports: Device) -> Device:
        """A bridge over *ports*, up: the upper device of each."""

    @abstractmethod
    def namespace(self) -> Namespace:
        """Another network namespace, empty but for its loopback device."""

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
