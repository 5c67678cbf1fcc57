# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The maps that programs use beside those they redirect through."""

from __future__ import annotations

from collections.abc import Callable
from errno import EBADF, EINVAL
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.maps.ordinary.array import Array, PerCpuArray
from spec.maps.ordinary.descriptors import PerfEventArray, ProgArray, any_descriptor
from spec.maps.ordinary.hash import Hash, LruHash, LruPerCpuHash, PerCpuHash
from spec.maps.ordinary.lpm_trie import LpmTrie
from spec.maps.ordinary.map_in_map import ArrayOfMaps, HashOfMaps
from spec.maps.ordinary.ringbuf import Ringbuf
from spec.maps.ordinary.table import Processors, Table
from spec.uapi import MapType

if TYPE_CHECKING:
    from spec.machine.host import ProgramMap, TailTarget

__all__ = ["TYPES", "PerfEventArray", "Processors", "ProgArray", "Ringbuf", "Table", "create"]

_PLAIN: tuple[type[Table], ...] = (
    Array,
    PerCpuArray,
    Hash,
    LruHash,
    PerCpuHash,
    LruPerCpuHash,
    LpmTrie,
    Ringbuf,
)

_OF_MAPS: tuple[type[ArrayOfMaps | HashOfMaps], ...] = (ArrayOfMaps, HashOfMaps)

_ALL: tuple[type[Table], ...] = (*_PLAIN, *_OF_MAPS, ProgArray, PerfEventArray)

TYPES = frozenset(kind.type for kind in _ALL)
"""The map types that ``create`` knows."""


def _no_program(descriptor: int) -> TailTarget:
    raise KernelError(EBADF, f"{descriptor} is no program")


def _no_map(descriptor: int) -> ProgramMap:
    raise KernelError(EBADF, f"{descriptor} is no map")


def create(
    type: int,
    key_size: int,
    value_size: int,
    max_entries: int,
    map_flags: int,
    processors: Processors = Processors(),  # noqa: B008 - it cannot be changed
    program_by_fd: Callable[[int], TailTarget] = _no_program,
    event_by_fd: Callable[[int], int] = any_descriptor,
    map_by_fd: Callable[[int], ProgramMap] = _no_map,
) -> Table:
    """A map of one of ``TYPES``; ``KernelError`` where ``BPF_MAP_CREATE`` refuses it.

    The result has the attributes and operations of ``spec.machine.host.ProgramMap`` (set ``id``
    and ``name``), and ``lookup_bytes``, ``update_bytes``, ``delete_bytes``, ``next_key_bytes``
    for user space, with values of ``user_value_size``. *processors* says how many copies a
    per-CPU value has and whose turn it is. *program_by_fd* gives what a descriptor written to a
    PROG_ARRAY stands for, *event_by_fd* for a PERF_EVENT_ARRAY, *map_by_fd* for a map of maps;
    they raise ``KernelError``.
    """
    arguments = key_size, value_size, max_entries, map_flags, processors
    if type == MapType.BPF_MAP_TYPE_PROG_ARRAY:
        return ProgArray(*arguments, program_by_fd)
    if type == MapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY:
        return PerfEventArray(*arguments, event_by_fd)
    for kind_of_maps in _OF_MAPS:
        if kind_of_maps.type == type:
            return kind_of_maps(*arguments, map_by_fd)
    for kind in _PLAIN:
        if kind.type == type:
            return kind(*arguments)
    raise KernelError(EINVAL)
