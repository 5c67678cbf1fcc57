# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""ARRAY and PERCPU_ARRAY (``kernel/bpf/arraymap.c``): every slot exists from the beginning."""

from __future__ import annotations

import sys
from errno import E2BIG, EEXIST, EINVAL, ENOENT

from spec.errors import KernelError
from spec.maps.ordinary.table import (
    ACCESS_FLAGS,
    MAX_PERCPU_VALUE,
    Memory,
    PerCpuValues,
    Table,
    check_update_flags,
    round_up,
)
from spec.uapi import BPF_F_LOCK, BPF_F_NUMA_NODE, BPF_NOEXIST, MapType

BPF_F_MMAPABLE, BPF_F_INNER_MAP = 1 << 10, 1 << 12

INT_MAX = 0x7FFFFFFF
MAP_SIZE, POINTER_SIZE, PAGE_SIZE = 312, 8, 4096
"""``struct bpf_array``, a pointer and a page on a 64-bit machine."""


class Indexed(Table):
    """A map whose keys are the numbers below ``max_entries``."""

    def check_definition(self) -> None:
        """``array_map_alloc_check``."""
        if not self.max_entries or self.key_size != 4 or not self.value_size:
            raise KernelError(EINVAL)
        if self.value_size > INT_MAX:
            raise KernelError(E2BIG)

    @property
    def memory(self) -> int:
        """``array_map_mem_usage``; what may be mapped begins on a page of its own."""
        values = self.max_entries * round_up(self.value_size)
        if self.map_flags & BPF_F_MMAPABLE:
            return PAGE_SIZE + -(-values // PAGE_SIZE) * PAGE_SIZE
        return MAP_SIZE + values

    def index(self, key: bytes) -> int:
        return int.from_bytes(key, sys.byteorder)

    def writable_index(self, key: bytes, flags: int) -> int:
        """The slot to write; no slot can be created (``array_map_update_elem``)."""
        check_update_flags(flags & ~BPF_F_LOCK)
        index = self.index(key)
        if index >= self.max_entries:
            raise KernelError(E2BIG)
        if flags & BPF_NOEXIST:
            raise KernelError(EEXIST)
        if flags & BPF_F_LOCK:
            raise KernelError(EINVAL)
        return index

    def delete_bytes(self, key: bytes) -> None:
        """A slot cannot be deleted (``array_map_delete_elem``)."""
        del key
        raise KernelError(EINVAL)

    def next_key_bytes(self, key: bytes | None) -> bytes:
        """``array_map_get_next_key``."""
        following = 0 if key is None else self.index(key) + 1
        if following == self.max_entries:
            raise KernelError(ENOENT)
        if following > self.max_entries:
            following = 0
        return following.to_bytes(4, sys.byteorder)


class Array(Indexed):
    """An ARRAY; values are zero until written."""

    type = MapType.BPF_MAP_TYPE_ARRAY
    allowed_flags = BPF_F_NUMA_NODE | ACCESS_FLAGS | BPF_F_MMAPABLE | BPF_F_INNER_MAP

    def check_definition(self) -> None:
        super().check_definition()
        self.values: dict[int, bytearray] = {}

    def value(self, index: int) -> bytearray:
        """The value of a slot, made on first use."""
        value = self.values.get(index)
        if value is None:
            value = self.values[index] = bytearray(self.value_size)
        return value

    def lookup_bytes(self, key: bytes) -> bytes:
        index = self.index(key)
        if index >= self.max_entries:
            raise KernelError(ENOENT)
        return bytes(self.values.get(index) or self.value_size)

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        # In place: a program may hold a pointer to the value.
        self.value(self.writable_index(key, flags))[:] = value

    def program_lookup(self, key: bytes) -> Memory | None:
        index = self.index(key)
        return self.for_program(self.value(index)) if index < self.max_entries else None


class PerCpuArray(Indexed):
    """A PERCPU_ARRAY; user space sees every CPU's copy, a program that of its own CPU."""

    type = MapType.BPF_MAP_TYPE_PERCPU_ARRAY
    allowed_flags = ACCESS_FLAGS

    def check_definition(self) -> None:
        super().check_definition()
        if round_up(self.value_size) > MAX_PERCPU_VALUE:
            raise KernelError(E2BIG)
        self.values: dict[int, PerCpuValues] = {}

    @property
    def memory(self) -> int:
        """As any array's, with a pointer to the copies, and a copy for each CPU."""
        return MAP_SIZE + self.max_entries * (POINTER_SIZE + self.user_value_size)

    @property
    def user_value_size(self) -> int:
        return round_up(self.value_size) * self.processors.possible

    def value(self, index: int) -> PerCpuValues:
        """The copies of a slot, made on first use."""
        value = self.values.get(index)
        if value is None:
            value = self.values[index] = PerCpuValues(self.value_size, self.processors.possible)
        return value

    def lookup_bytes(self, key: bytes) -> bytes:
        index = self.index(key)
        if index >= self.max_entries:
            raise KernelError(ENOENT)
        return self.value(index).read()

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        self.value(self.writable_index(key, flags)).write(value)

    def store(self, key: bytes, value: bytes, flags: int) -> None:
        index = self.writable_index(key, flags)
        self.value(index).copies[self.processors.current()][:] = value

    def program_lookup(self, key: bytes) -> Memory | None:
        return self.program_lookup_on(key, self.processors.current())

    def program_lookup_on(self, key: bytes, cpu: int) -> Memory | None:
        """Memory of the copy of *cpu* (``percpu_array_map_lookup_percpu_elem``)."""
        index = self.index(key)
        if index >= self.max_entries or cpu >= self.processors.possible:
            return None
        return self.for_program(self.value(index).copies[cpu])
