# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""PROG_ARRAY and PERF_EVENT_ARRAY: arrays of what user space names by descriptor.

Mirrors ``kernel/bpf/arraymap.c: bpf_fd_array_map_update_elem`` and what calls it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from errno import E2BIG, EBADF, EINVAL, ENOENT, EOPNOTSUPP
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from spec.errors import ENOTSUPP, KernelError
from spec.maps.ordinary.array import Indexed
from spec.maps.ordinary.table import Memory, Processors
from spec.uapi import BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY, MapType

if TYPE_CHECKING:
    from spec.machine.host import TailTarget

BPF_F_PRESERVE_ELEMS = 1 << 11

Entry = TypeVar("Entry")


class DescriptorArray(Indexed, Generic[Entry]):
    """Slots that are empty, or hold what a descriptor stood for when it was stored."""

    allowed_flags = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY

    def __init__(
        self,
        key_size: int,
        value_size: int,
        max_entries: int,
        map_flags: int,
        processors: Processors,
        resolve: Callable[[int], Entry],
    ) -> None:
        super().__init__(key_size, value_size, max_entries, map_flags, processors)
        self.resolve = resolve
        self.entries: dict[int, Entry] = {}

    def check_definition(self) -> None:
        """``fd_array_map_alloc_check``."""
        super().check_definition()
        if self.value_size != 4:
            raise KernelError(EINVAL)

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        if flags:
            raise KernelError(EINVAL)
        index = self.index(key)
        if index >= self.max_entries:
            raise KernelError(E2BIG)
        self.entries[index] = self.resolve(int.from_bytes(value, sys.byteorder, signed=True))

    def delete_bytes(self, key: bytes) -> None:
        index = self.index(key)
        if index >= self.max_entries:
            raise KernelError(E2BIG)
        if self.entries.pop(index, None) is None:
            raise KernelError(ENOENT)

    def lookup_bytes(self, key: bytes) -> bytes:
        del key
        raise KernelError(ENOTSUPP)

    def program_lookup(self, key: bytes) -> Memory | None:
        # The verifier lets no program get here.
        del key
        return None

    def program_update(self, key: bytes, value: bytes, flags: int) -> int:
        del key, value, flags
        return -EINVAL

    def program_delete(self, key: bytes) -> int:
        del key
        return -EINVAL


class ProgArray(DescriptorArray["TailTarget"]):
    """A PROG_ARRAY: the programs that ``bpf_tail_call()`` can go to."""

    type = MapType.BPF_MAP_TYPE_PROG_ARRAY

    def lookup_bytes(self, key: bytes) -> bytes:
        """The program's id."""
        entry = self.target(self.index(key))
        if entry is None:
            raise KernelError(ENOENT)
        return entry.id.to_bytes(4, sys.byteorder)

    def target(self, index: int) -> TailTarget | None:
        """The program at *index*, if there is one."""
        return self.entries.get(index)


class PerfRecord(NamedTuple):
    """What ``bpf_perf_event_output()`` wrote: the slot, the CPU and the bytes."""

    slot: int
    cpu: int
    data: bytes


class PerfEventArray(DescriptorArray[int]):
    """A PERF_EVENT_ARRAY; ``records`` is everything written so far."""

    type = MapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY
    allowed_flags = DescriptorArray.allowed_flags | BPF_F_PRESERVE_ELEMS

    def check_definition(self) -> None:
        super().check_definition()
        self.records: list[PerfRecord] = []

    def output(self, index: int, cpu: int, data: bytes) -> int:
        """``kernel/trace/bpf_trace.c: __bpf_perf_event_output``; events are bound to their CPU."""
        if index >= self.max_entries:
            return -E2BIG
        if index not in self.entries:
            return -ENOENT
        if index != cpu:
            return -EOPNOTSUPP
        self.records.append(PerfRecord(index, cpu, data))
        return 0


def any_descriptor(descriptor: int) -> int:
    """Takes every number that can be a descriptor."""
    if descriptor < 0:
        raise KernelError(EBADF)
    return descriptor
