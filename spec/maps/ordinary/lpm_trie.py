# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""LPM_TRIE (``kernel/bpf/lpm_trie.c``): finds the longest prefix that a key begins with.

A key is a prefix length in bits (``u32``) followed by the data in network order.
"""

from __future__ import annotations

import sys
from errno import EEXIST, EINVAL, ENOENT, ENOSPC
from typing import NamedTuple

from spec.errors import KernelError
from spec.maps.ordinary.table import ACCESS_FLAGS, Memory, Table, check_update_flags
from spec.uapi import BPF_EXIST, BPF_F_NO_PREALLOC, BPF_F_NUMA_NODE, BPF_NOEXIST, MapType

MAX_DATA = 256


class Prefix(NamedTuple):
    """The first ``length`` bits of a key's data, as a number."""

    length: int
    bits: int


class LpmTrie(Table):
    """An LPM_TRIE; it has to be created with ``BPF_F_NO_PREALLOC``."""

    type = MapType.BPF_MAP_TYPE_LPM_TRIE
    allowed_flags = BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | ACCESS_FLAGS

    def check_definition(self) -> None:
        """``trie_alloc``."""
        if not self.max_entries or not self.map_flags & BPF_F_NO_PREALLOC or not self.value_size:
            raise KernelError(EINVAL)
        if not 4 < self.key_size <= 4 + MAX_DATA:
            raise KernelError(EINVAL)
        self.max_length = 8 * (self.key_size - 4)
        self.elements: dict[Prefix, tuple[bytes, bytearray]] = {}

    def prefix(self, key: bytes) -> Prefix:
        """*key* without the bits that do not count; ``EINVAL`` if it asks for more than it has."""
        length = int.from_bytes(key[:4], sys.byteorder)
        if length > self.max_length:
            raise KernelError(EINVAL)
        return Prefix(length, int.from_bytes(key[4:], "big") >> self.max_length - length)

    def find(self, key: bytes) -> bytearray | None:
        """The value of the longest stored prefix of *key* (``trie_lookup_elem``)."""
        try:
            length, bits = self.prefix(key)
        except KernelError:
            return None
        for shorter in range(length + 1):
            element = self.elements.get(Prefix(length - shorter, bits >> shorter))
            if element is not None:
                return element[1]
        return None

    def lookup_bytes(self, key: bytes) -> bytes:
        value = self.find(key)
        if value is None:
            raise KernelError(ENOENT)
        return bytes(value)

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        check_update_flags(flags)
        prefix = self.prefix(key)
        exists = prefix in self.elements
        if exists and flags == BPF_NOEXIST:
            raise KernelError(EEXIST)
        if not exists and flags == BPF_EXIST:
            raise KernelError(ENOENT)
        if not exists and len(self.elements) >= self.max_entries:
            raise KernelError(ENOSPC)
        self.elements[prefix] = bytes(key), bytearray(value)

    def delete_bytes(self, key: bytes) -> None:
        if self.elements.pop(self.prefix(key), None) is None:
            raise KernelError(ENOENT)

    def next_key_bytes(self, key: bytes | None) -> bytes:
        """Longer prefixes come before those they begin with (``trie_get_next_key``)."""
        order = sorted(self.elements, key=_rank)
        following = 0
        if key is not None and int.from_bytes(key[:4], sys.byteorder) <= self.max_length:
            prefix = self.prefix(key)
            following = order.index(prefix) + 1 if prefix in self.elements else 0
        if following >= len(order):
            raise KernelError(ENOENT)
        return self.elements[order[following]][0]

    def program_lookup(self, key: bytes) -> Memory | None:
        value = self.find(key)
        return None if value is None else self.for_program(value)


def _rank(prefix: Prefix) -> str:
    """Sorts a tree node after both of its subtrees: "2" ends a prefix and follows "0" and "1"."""
    return (f"{prefix.bits:0{prefix.length}b}" if prefix.length else "") + "2"
