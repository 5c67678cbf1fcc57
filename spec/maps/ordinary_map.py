# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Ordinary maps in the model's lab: a descriptor and permissions around a ``Table``."""

from __future__ import annotations

from errno import EBADF, EINVAL
from typing import TYPE_CHECKING, Any

from spec.errors import KernelError
from spec.maps.batches import BatchMap
from spec.maps.element import Definition, ModelMap
from spec.maps.ordinary import Processors, Table, create
from spec.maps.owner import admits
from spec.uapi import BPF_F_RDONLY_PROG, MAPS_OF_MAPS, MapType

if TYPE_CHECKING:
    from spec.model import ModelLab


SIZED = (
    MapType.BPF_MAP_TYPE_ARRAY,
    MapType.BPF_MAP_TYPE_PERCPU_ARRAY,
    MapType.BPF_MAP_TYPE_XSKMAP,
)
"""Types of inner maps that must also have as many entries (``array_map_meta_equal``,
``xsk_map_meta_equal``)."""
READ_ONLY = (MapType.BPF_MAP_TYPE_DEVMAP, MapType.BPF_MAP_TYPE_DEVMAP_HASH)
"""Types whose maps get ``BPF_F_RDONLY_PROG`` from the kernel, the inner map's model too."""


class OrdinaryMap(BatchMap):
    """An array, a hash or another map that frames are not redirected through."""

    def __init__(self, lab: ModelLab, definition: Definition) -> None:
        if definition.type in MAPS_OF_MAPS and definition.inner is None:
            raise KernelError(EINVAL)
        self.table: Table = create(
            definition.type,
            definition.key_size,
            definition.value_size,
            definition.max_entries,
            definition.map_flags,
            processors=Processors(lab.cpus, lambda: lab.running_cpu),
            program_by_fd=self._program,
            map_by_fd=self._map,
        )
        self.inner = definition.inner
        super().__init__(lab, definition)
        self.table.id, self.table.name = self.id, self.name
        self.program_lookup = self.table.program_lookup  # type: ignore[method-assign]
        self.program_update = self.table.program_update  # type: ignore[method-assign]
        self.program_delete = self.table.program_delete  # type: ignore[method-assign]

    @property
    def user_value_size(self) -> int:
        """Per-CPU maps have a value for each CPU there."""
        return self.table.user_value_size

    @property
    def memory(self) -> int:
        """As the table says, if it does."""
        known = self.table.memory
        return super().memory if known is None else known

    def lookup_element(self, key: bytes) -> bytes:
        """As the table says."""
        return self.table.lookup_bytes(key)

    def update_element(self, key: bytes, value: bytes, flags: int) -> None:
        """As the table says."""
        self.table.update_bytes(key, value, flags)

    def delete_element(self, key: bytes) -> None:
        """As the table says."""
        self.table.delete_bytes(key)

    def following_key(self, key: bytes | None) -> bytes:
        """As the table says."""
        return self.table.next_key_bytes(key)

    def __getattr__(self, name: str) -> Any:
        """What only some tables have, such as ``reserve`` of a RINGBUF."""
        if name.startswith("_") or name == "table":
            raise AttributeError(name)
        return getattr(self.table, name)

    def _map(self, fd: int) -> ModelMap:
        """The map *fd*, which must be as the definition says (``bpf_map_meta_equal``)."""
        map = self.lab.by_fd(fd)
        if not isinstance(map, ModelMap) or self.inner is None:
            raise KernelError(EINVAL)
        flags = self.inner.map_flags | (BPF_F_RDONLY_PROG if map.type in READ_ONLY else 0)
        if (map.type, map.key_size, map.value_size, map.map_flags) != (*self.inner[:3], flags):
            raise KernelError(EINVAL)
        if map.type in SIZED and map.max_entries != self.inner.max_entries:
            raise KernelError(EINVAL)
        return map

    def _program(self, fd: int) -> Any:
        program = self.lab.program_of(fd)
        if program is None:
            raise KernelError(EBADF)
        if not admits(self, program):
            raise KernelError(EINVAL)
        return program


def create_ordinary_map(lab: ModelLab, definition: Definition) -> ModelMap:
    """A map of one of the ordinary types."""
    return OrdinaryMap(lab, definition)
