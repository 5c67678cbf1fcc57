# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Many elements in one call, and looking up and deleting in one, where a type of map has it.

Mirrors ``kernel/bpf/syscall.c``: ``bpf_map_do_batch``, ``generic_map_update_batch``,
``generic_map_lookup_batch``, ``generic_map_delete_batch``, ``map_lookup_and_delete_elem``.
"""

from __future__ import annotations

from collections.abc import Sequence
from errno import EINVAL
from typing import NamedTuple

from spec.errors import ENOTSUPP, KernelError
from spec.lab import Key, Value
from spec.maps.element import ModelMap
from spec.uapi import MapType

HASHES = (
    MapType.BPF_MAP_TYPE_HASH,
    MapType.BPF_MAP_TYPE_LRU_HASH,
    MapType.BPF_MAP_TYPE_PERCPU_HASH,
    MapType.BPF_MAP_TYPE_LRU_PERCPU_HASH,
)


class Batches(NamedTuple):
    """What a type has beside reading and writing, and the change that brought it all."""

    delete: bool
    since: str = ""


BATCHES = {
    MapType.BPF_MAP_TYPE_ARRAY: Batches(delete=False),
    MapType.BPF_MAP_TYPE_PERCPU_ARRAY: Batches(delete=False, since="percpu_array_batches"),
    MapType.BPF_MAP_TYPE_LPM_TRIE: Batches(delete=True, since="lpm_trie_batches"),
    MapType.BPF_MAP_TYPE_ARRAY_OF_MAPS: Batches(delete=False, since="maps_of_maps_batches"),
    MapType.BPF_MAP_TYPE_HASH_OF_MAPS: Batches(delete=True, since="maps_of_maps_batches"),
    **dict.fromkeys(HASHES, Batches(delete=True)),
}


class BatchMap(ModelMap):
    """A map whose type says which of these calls it has."""

    def lookup_and_delete(self, key: Key) -> bytes:
        """``BPF_MAP_LOOKUP_AND_DELETE_ELEM``: hashes have it."""
        self._check_readable()
        self._check_writable()
        raw = self._sized(self._key(key), self.key_size, "key")
        if not self.key_size:
            raise KernelError(EINVAL)
        if self.type not in HASHES or not self.release.has("hash_lookup_and_delete"):
            raise KernelError(ENOTSUPP)
        value = self.lookup_element(raw)
        self.delete_element(raw)
        return value

    def update_batch(self, pairs: Sequence[tuple[Key, Value]]) -> None:
        """``BPF_MAP_UPDATE_BATCH``: what comes before the first refusal stays."""
        self._check_writable()
        self._batches()
        for key, value in pairs:
            self.update_bytes(self._key(key), self._value(value), 0)

    def lookup_batch(self, count: int) -> list[tuple[bytes, bytes]]:
        """``BPF_MAP_LOOKUP_BATCH``: keys in the order of ``next_key``, empty slots aside."""
        self._check_readable()
        self._batches()
        found: list[tuple[bytes, bytes]] = []
        key: bytes | None = None
        while len(found) < count:
            try:
                key = self.following_key(key)
            except KernelError:
                break
            try:
                found.append((key, self.lookup_element(key)))
            except KernelError:
                continue
        return found

    def delete_batch(self, keys: Sequence[Key]) -> None:
        """``BPF_MAP_DELETE_BATCH``: what comes before the first refusal is gone."""
        self._check_writable()
        if not self._batches().delete:
            raise KernelError(ENOTSUPP)
        for key in keys:
            self.delete_bytes(self._key(key))

    def _batches(self) -> Batches:
        batches = BATCHES.get(self.type)
        if batches is None or (batches.since and not self.release.has(batches.since)):
            raise KernelError(ENOTSUPP)
        return batches
