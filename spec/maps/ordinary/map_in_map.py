# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""ARRAY_OF_MAPS and HASH_OF_MAPS: elements are maps, which programs look up.

Mirrors ``kernel/bpf/map_in_map.c`` and what it serves in ``arraymap.c`` and ``hashtab.c``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from errno import EINVAL, ENOENT
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.maps.ordinary.descriptors import DescriptorArray
from spec.maps.ordinary.hash import Keyed
from spec.maps.ordinary.table import ACCESS_FLAGS, Processors
from spec.uapi import BPF_F_NUMA_NODE, MapType

if TYPE_CHECKING:
    from spec.machine.host import ProgramMap


class ArrayOfMaps(DescriptorArray["ProgramMap"]):
    """An ARRAY_OF_MAPS; user space reads the ids of the maps in it."""

    type = MapType.BPF_MAP_TYPE_ARRAY_OF_MAPS
    allowed_flags = BPF_F_NUMA_NODE | ACCESS_FLAGS

    def lookup_bytes(self, key: bytes) -> bytes:
        return _id(self.entries.get(self.index(key)))

    def program_lookup(self, key: bytes) -> ProgramMap | None:  # type: ignore[override]
        """A map instead of memory; programs hand it to helpers."""
        return self.entries.get(self.index(key))


class HashOfMaps(Keyed["ProgramMap"]):
    """A HASH_OF_MAPS; user space reads the ids of the maps in it."""

    type = MapType.BPF_MAP_TYPE_HASH_OF_MAPS

    def __init__(
        self,
        key_size: int,
        value_size: int,
        max_entries: int,
        map_flags: int,
        processors: Processors,
        resolve: Callable[[int], ProgramMap],
    ) -> None:
        super().__init__(key_size, value_size, max_entries, map_flags, processors)
        self.resolve = resolve

    def check_definition(self) -> None:
        """``fd_htab_map_alloc_check``."""
        super().check_definition()
        if self.value_size != 4:
            raise KernelError(EINVAL)

    def lookup_bytes(self, key: bytes) -> bytes:
        return _id(self.values.get(key))

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        inner = self.resolve(int.from_bytes(value, sys.byteorder, signed=True))
        self.check_update(key, flags)
        self.values[key] = inner

    def program_lookup(self, key: bytes) -> ProgramMap | None:  # type: ignore[override]
        """A map instead of memory; programs hand it to helpers."""
        return self.values.get(key)


def _id(inner: ProgramMap | None) -> bytes:
    if inner is None:
        raise KernelError(ENOENT)
    return inner.id.to_bytes(4, sys.byteorder)
