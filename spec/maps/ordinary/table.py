# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the ordinary maps have in common."""

from __future__ import annotations

from collections.abc import Callable
from errno import EINVAL
from typing import NamedTuple, TypeAlias

from spec.errors import KernelError
from spec.uapi import (
    BPF_EXIST,
    BPF_F_NUMA_NODE,
    BPF_F_RDONLY,
    BPF_F_RDONLY_PROG,
    BPF_F_WRONLY,
    BPF_F_WRONLY_PROG,
    MapType,
)

ACCESS_FLAGS = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG
MAX_PERCPU_VALUE = 32768
"""``PCPU_MIN_UNIT_SIZE``: bytes that one CPU's copy of a value may have."""

Memory: TypeAlias = bytearray | memoryview


class Processors(NamedTuple):
    """The machine's CPUs: how many are possible, and which one the program runs on."""

    possible: int = 1
    current: Callable[[], int] = lambda: 0


class Table:
    """A map: element operations of user space raise ``KernelError``, those of programs return it.

    Keys and values have the map's sizes; whoever calls has seen to that.
    """

    type: MapType
    allowed_flags = BPF_F_NUMA_NODE | ACCESS_FLAGS

    def __init__(
        self,
        key_size: int,
        value_size: int,
        max_entries: int,
        map_flags: int,
        processors: Processors,
    ) -> None:
        self.key_size, self.value_size = key_size, value_size
        self.max_entries, self.map_flags = max_entries, map_flags
        self.processors = processors
        self.id, self.name = 0, ""
        if map_flags & ~self.allowed_flags or not access_ok(map_flags):
            raise KernelError(EINVAL)
        self.check_definition()

    def check_definition(self) -> None:
        """Raise what ``BPF_MAP_CREATE`` answers to unusable sizes."""
        raise NotImplementedError

    @property
    def user_value_size(self) -> int:
        """Bytes of a value as user space reads and writes it."""
        return self.value_size

    @property
    def memory(self) -> int | None:
        """What the map says it takes; ``None`` where that is not known."""
        return None

    def lookup_bytes(self, key: bytes) -> bytes:
        """``BPF_MAP_LOOKUP_ELEM``."""
        raise NotImplementedError

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        """``BPF_MAP_UPDATE_ELEM``."""
        raise NotImplementedError

    def delete_bytes(self, key: bytes) -> None:
        """``BPF_MAP_DELETE_ELEM``."""
        raise NotImplementedError

    def next_key_bytes(self, key: bytes | None) -> bytes:
        """``BPF_MAP_GET_NEXT_KEY``: a key that is not there leads to the first."""
        raise NotImplementedError

    def program_lookup(self, key: bytes) -> Memory | None:
        """Memory of the value as a program addresses it."""
        raise NotImplementedError

    def store(self, key: bytes, value: bytes, flags: int) -> None:
        """What ``bpf_map_update_elem()`` of a program does, with *value* of ``value_size``."""
        self.update_bytes(key, value, flags)

    def program_update(self, key: bytes, value: bytes, flags: int) -> int:
        """``bpf_map_update_elem()``: 0 or a negative errno."""
        return _result(lambda: self.store(key, value, flags))

    def program_delete(self, key: bytes) -> int:
        """``bpf_map_delete_elem()``: 0 or a negative errno."""
        return _result(lambda: self.delete_bytes(key))

    def for_program(self, value: bytearray) -> Memory:
        """*value* as programs may use it: read-only where the map was created so."""
        if self.map_flags & BPF_F_RDONLY_PROG:
            return memoryview(value).toreadonly()
        return value


class PerCpuValues:
    """The copies of one value, one for each CPU."""

    __slots__ = ("copies",)

    def __init__(self, size: int, count: int) -> None:
        self.copies = [bytearray(size) for _ in range(count)]

    def read(self) -> bytes:
        """Every copy, each padded to eight bytes, as user space reads them."""
        return b"".join(bytes(copy).ljust(round_up(len(copy)), b"\0") for copy in self.copies)

    def write(self, value: bytes) -> None:
        """Replace every copy from what user space wrote."""
        size = len(self.copies[0])
        for number, copy in enumerate(self.copies):
            start = number * round_up(size)
            copy[:] = value[start : start + size]


def round_up(size: int) -> int:
    """*size* rounded up to eight bytes."""
    return -(-size // 8) * 8


def access_ok(flags: int) -> bool:
    """Neither user space nor programs are shut out (``bpf_map_flags_access_ok``)."""
    user, program = BPF_F_RDONLY | BPF_F_WRONLY, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG
    return flags & user != user and flags & program != program


def check_update_flags(flags: int) -> None:
    """Only ``BPF_ANY``, ``BPF_NOEXIST`` and ``BPF_EXIST`` exist."""
    if flags > BPF_EXIST:
        raise KernelError(EINVAL)


def _result(operation: Callable[[], None]) -> int:
    try:
        operation()
    except KernelError as error:
        return -(error.errno or EINVAL)
    return 0
