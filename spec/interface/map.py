# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A BPF map and the operations that user space has on its elements."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from spec.errors import KernelError
from spec.interface.device import Device
from spec.interface.program import Program
from spec.interface.socket import Socket
from spec.uapi import MapType

if TYPE_CHECKING:
    from spec.lab import Lab

U32 = 0xFFFFFFFF

Key: TypeAlias = int | bytes
Value: TypeAlias = int | bytes | Device | Socket | tuple[Device | int, Program | int]


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
    def lookup_with_flags(self, key: Key, flags: int) -> bytes:
        """``BPF_MAP_LOOKUP_ELEM`` with ``flags``."""

    @abstractmethod
    def lookup_and_delete(self, key: Key) -> bytes:
        """``BPF_MAP_LOOKUP_AND_DELETE_ELEM``."""

    @abstractmethod
    def update_batch(self, pairs: Sequence[tuple[Key, Value]]) -> None:
        """``BPF_MAP_UPDATE_BATCH``; ends at the first pair that is refused, which it raises."""

    @abstractmethod
    def lookup_batch(self, count: int) -> list[tuple[bytes, bytes]]:
        """``BPF_MAP_LOOKUP_BATCH`` of at most *count* elements from the start.

        A hash gives whole buckets only, in an order of its own.
        """

    @abstractmethod
    def delete_batch(self, keys: Sequence[Key]) -> None:
        """``BPF_MAP_DELETE_BATCH``; ends at the first key that is refused, which it raises."""

    @property
    @abstractmethod
    def memory(self) -> int:
        """Bytes that the map says it takes: ``memlock`` of its descriptor in ``/proc``.

        ``CannotTellError`` where the model does not know.
        """

    @property
    def threads(self) -> Mapping[int, str]:
        """The kernel threads of a CPUMAP: their names by process id. No other map has any."""
        return {}

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
            _number(first),
            _number(second),
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


def _number(part: int | Device | Program | Socket) -> int:
    """What the kernel is given for a part of a value: an ifindex or a descriptor."""
    if isinstance(part, Device):
        return part.ifindex
    return part if isinstance(part, int) else part.fd
