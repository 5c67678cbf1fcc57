# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""DEVMAP_HASH: devices to redirect to under any 32-bit key.

Mirrors ``kernel/bpf/devmap.c``, the functions with ``hash`` in their names.
"""

from __future__ import annotations

from collections.abc import Iterable
from errno import E2BIG, EEXIST, EINVAL
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.maps.devmap import ENTRY_SIZE, MAP_SIZE, check_device_map, redirect_flags
from spec.maps.element import POINTER_SIZE, Definition, RedirectMap, missing, number, word
from spec.maps.entry import DeviceEntry, Made, make_entry
from spec.uapi import BPF_EXIST, BPF_F_RDONLY_PROG, BPF_NOEXIST

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.model import ModelLab

MAX_ENTRIES = 1 << 31


class DevmapHash(RedirectMap):
    """At most ``max_entries`` entries in buckets, whose number is the next power of two.

    The model finds entries by key in one dictionary and works out the order of the buckets only
    when somebody iterates: ascending by bucket, the most recently inserted first in each.
    """

    def __init__(self, lab: ModelLab, definition: Definition) -> None:
        super().__init__(lab, definition)
        self._flags |= BPF_F_RDONLY_PROG
        self.redirect_flags = redirect_flags(lab)
        self.made: Made = {}
        self.bucket_mask = (1 << (self.max_entries - 1).bit_length()) - 1
        self.by_key: dict[int, DeviceEntry] = {}
        self.get = self.by_key.get
        self._order: list[int] | None = None
        self._position: dict[int, int] = {}

    @staticmethod
    def check_attributes(definition: Definition) -> None:
        """``EINVAL`` for sizes, flags and more than 2**31 entries."""
        check_device_map(definition)
        if definition.max_entries > MAX_ENTRIES:
            raise KernelError(EINVAL)

    @staticmethod
    def check_definition(lab: ModelLab, definition: Definition) -> None:  # noqa: ARG004
        """Nothing more: the buckets always fit."""
        DevmapHash.check_attributes(definition)

    def entries(self) -> Iterable[DeviceEntry]:
        """Every entry in the order of a broadcast: as user space iterates."""
        return map(self.by_key.__getitem__, self._ordered())

    def update_element(self, key: bytes, value: bytes, flags: int) -> None:
        """``devmap.c: __dev_map_hash_update_elem``: ``BPF_EXIST`` also creates."""
        index = number(key)
        if flags > BPF_EXIST or number(value) == 0:
            raise KernelError(EINVAL)
        present = index in self.by_key
        if present and flags & BPF_NOEXIST:
            raise KernelError(EEXIST)
        entry = make_entry(self, value)
        if present:
            del self.by_key[index]
        elif len(self.by_key) >= self.max_entries:
            raise KernelError(E2BIG)
        self.by_key[index] = entry
        self._order = None

    def lookup_element(self, key: bytes) -> bytes:
        """``devmap.c: dev_map_hash_lookup_elem``."""
        entry = self.by_key.get(number(key))
        if entry is None:
            raise missing()
        return entry.value

    def delete_element(self, key: bytes) -> None:
        """``devmap.c: dev_map_hash_delete_elem``: unlike the array, a missing key is ``ENOENT``."""
        if self.by_key.pop(number(key), None) is None:
            raise missing()
        self._order = None

    @property
    def taken(self) -> int:
        """The map, its buckets and its entries (``devmap.c: dev_map_mem_usage``)."""
        return MAP_SIZE + self.charged + len(self.by_key) * ENTRY_SIZE

    @property
    def charged(self) -> int:
        """The buckets."""
        return (self.bucket_mask + 1) * POINTER_SIZE

    def following_key(self, key: bytes | None) -> bytes:
        """``devmap.c: dev_map_hash_get_next_key``: after an unknown key comes the first."""
        order = self._ordered()
        position = -1 if key is None else self._position.get(number(key), -1)
        if position + 1 >= len(order):
            raise missing()
        return word(order[position + 1])

    def forget(self, device: ModelDevice) -> None:
        """*device* is being unregistered; its entries give their room back."""
        for key in [key for key, entry in self.by_key.items() if entry.device is device]:
            del self.by_key[key]
        self._order = None

    def program_lookup(self, key: bytes) -> bytes | None:
        """A program reads the entry and may not write it."""
        entry = self.by_key.get(number(key))
        return entry.value if entry else None

    def _ordered(self) -> list[int]:
        if self._order is None:
            newest_first = reversed(self.by_key)
            self._order = sorted(newest_first, key=lambda key: key & self.bucket_mask)
            self._position = {key: place for place, key in enumerate(self._order)}
        return self._order
