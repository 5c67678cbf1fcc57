# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""HASH, PERCPU_HASH and LRU_HASH (``kernel/bpf/hashtab.c``).

The kernel iterates in an order that a random number decides; here it is the order of insertion.
"""

from __future__ import annotations

from errno import E2BIG, EEXIST, EINVAL, ENOENT
from typing import Generic, TypeVar

from spec.errors import ENOTSUPP, KernelError
from spec.maps.ordinary.table import (
    ACCESS_FLAGS,
    MAX_PERCPU_VALUE,
    Memory,
    PerCpuValues,
    Table,
    check_update_flags,
    round_up,
)
from spec.uapi import BPF_EXIST, BPF_F_NO_PREALLOC, BPF_F_NUMA_NODE, BPF_NOEXIST, MapType

BPF_F_NO_COMMON_LRU, BPF_F_ZERO_SEED = 1 << 1, 1 << 6

MAX_ELEMENT = (1 << 22) - 64
"""Key and value together are smaller than what one allocation can give."""


Value = TypeVar("Value")


class Keyed(Table, Generic[Value]):
    """A map from arbitrary keys; subclasses say what a value is."""

    allowed_flags = BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | ACCESS_FLAGS

    def check_definition(self) -> None:
        """``htab_map_alloc_check``."""
        if not self.max_entries or not self.key_size or not self.value_size:
            raise KernelError(EINVAL)
        if self.key_size + self.value_size >= MAX_ELEMENT:
            raise KernelError(E2BIG)
        self.values: dict[bytes, Value] = {}

    def check_update(self, key: bytes, flags: int) -> None:
        """Raise what an update of *key* with *flags* meets (``htab_map_update_elem``)."""
        check_update_flags(flags)
        exists = key in self.values
        if exists and flags == BPF_NOEXIST:
            raise KernelError(EEXIST)
        if not exists and flags == BPF_EXIST:
            raise KernelError(ENOENT)
        if not exists:
            self.make_room()

    def make_room(self) -> None:
        """There is to be one more element."""
        if len(self.values) >= self.max_entries:
            raise KernelError(E2BIG)

    def next_key_bytes(self, key: bytes | None) -> bytes:
        """``htab_map_get_next_key``."""
        keys = list(self.values)
        following = keys.index(key) + 1 if key in self.values else 0
        if following >= len(keys):
            raise KernelError(ENOENT)
        return keys[following]

    def delete_bytes(self, key: bytes) -> None:
        if self.values.pop(key, None) is None:
            raise KernelError(ENOENT)


class Hash(Keyed[bytearray]):
    """A HASH; an update puts a new value in the place of the old."""

    type = MapType.BPF_MAP_TYPE_HASH

    def lookup_bytes(self, key: bytes) -> bytes:
        if key not in self.values:
            raise KernelError(ENOENT)
        return bytes(self.values[key])

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        self.check_update(key, flags)
        self.values[key] = bytearray(value)

    def program_lookup(self, key: bytes) -> Memory | None:
        value = self.values.get(key)
        return None if value is None else self.for_program(value)


class LeastRecentlyUsed(Keyed[Value]):
    """A full map gives up the element that was used least recently.

    The kernel only approximates this order (``kernel/bpf/bpf_lru_list.c``).
    """

    def check_definition(self) -> None:
        if self.map_flags & BPF_F_NO_PREALLOC:
            raise KernelError(ENOTSUPP)
        super().check_definition()

    def make_room(self) -> None:
        if len(self.values) >= self.max_entries:
            del self.values[next(iter(self.values))]

    def touch(self, key: bytes) -> None:
        """*key*, if it is there, was used just now."""
        if key in self.values:
            self.values[key] = self.values.pop(key)


class LruHash(LeastRecentlyUsed[bytearray], Hash):
    """An LRU_HASH: a HASH that makes room."""

    type = MapType.BPF_MAP_TYPE_LRU_HASH
    allowed_flags = Keyed.allowed_flags | BPF_F_NO_COMMON_LRU

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        super().update_bytes(key, value, flags)
        self.touch(key)

    def program_lookup(self, key: bytes) -> Memory | None:
        # A lookup by user space does not count as use.
        self.touch(key)
        return super().program_lookup(key)


class PerCpuHash(Keyed[PerCpuValues]):
    """A PERCPU_HASH; a program that creates an element leaves the other CPUs' copies zero."""

    type = MapType.BPF_MAP_TYPE_PERCPU_HASH
    allowed_flags = Keyed.allowed_flags & ~BPF_F_NUMA_NODE

    def check_definition(self) -> None:
        super().check_definition()
        if round_up(self.value_size) > MAX_PERCPU_VALUE:
            raise KernelError(E2BIG)

    @property
    def user_value_size(self) -> int:
        return round_up(self.value_size) * self.processors.possible

    def lookup_bytes(self, key: bytes) -> bytes:
        if key not in self.values:
            raise KernelError(ENOENT)
        return self.values[key].read()

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        self.check_update(key, flags)
        self._element(key).write(value)

    def store(self, key: bytes, value: bytes, flags: int) -> None:
        self.check_update(key, flags)
        self._element(key).copies[self.processors.current()][:] = value

    def program_lookup(self, key: bytes) -> Memory | None:
        return self.program_lookup_on(key, self.processors.current())

    def program_lookup_on(self, key: bytes, cpu: int) -> Memory | None:
        """Memory of the copy of *cpu* (``htab_percpu_map_lookup_percpu_elem``)."""
        value = self.values.get(key)
        if value is None or cpu >= self.processors.possible:
            return None
        return self.for_program(value.copies[cpu])

    def _element(self, key: bytes) -> PerCpuValues:
        if key not in self.values:
            self.values[key] = PerCpuValues(self.value_size, self.processors.possible)
        return self.values[key]


class LruPerCpuHash(LeastRecentlyUsed[PerCpuValues], PerCpuHash):
    """An LRU_PERCPU_HASH: a PERCPU_HASH that makes room as an LRU_HASH does."""

    type = MapType.BPF_MAP_TYPE_LRU_PERCPU_HASH
    allowed_flags = PerCpuHash.allowed_flags | BPF_F_NO_COMMON_LRU

    def program_lookup_on(self, key: bytes, cpu: int) -> Memory | None:
        self.touch(key)
        return super().program_lookup_on(key, cpu)
