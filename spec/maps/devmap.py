# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""DEVMAP: an array of devices to redirect to.

Mirrors ``kernel/bpf/devmap.c``. Keys are slots, values ``struct bpf_devmap_val`` (8 bytes) or a
plain ifindex (4 bytes).
"""

from __future__ import annotations

from collections.abc import Sequence
from errno import E2BIG, EEXIST, EINVAL
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.maps.element import Definition, IndexedMap, missing, number, signed
from spec.maps.entry import DeviceEntry, Made, make_entry
from spec.uapi import (
    BPF_EXIST,
    BPF_F_BROADCAST,
    BPF_F_EXCLUDE_INGRESS,
    BPF_F_NUMA_NODE,
    BPF_F_RDONLY,
    BPF_F_RDONLY_PROG,
    BPF_F_WRONLY,
    BPF_NOEXIST,
    XDP_TX,
)

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.model import ModelLab

CREATE_FLAGS = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY
VALUE_SIZES = (4, 8)
MAP_SIZE, ENTRY_SIZE = 344, 64
"""``struct bpf_dtab`` and ``struct bpf_dtab_netdev`` on a 64-bit machine."""


def check_device_map(definition: Definition) -> None:
    """What maps of devices have in common (``devmap.c: dev_map_alloc_check``)."""
    if (
        definition.max_entries == 0
        or definition.key_size != 4
        or definition.value_size not in VALUE_SIZES
        or definition.map_flags & ~CREATE_FLAGS
    ):
        raise KernelError(EINVAL)


def redirect_flags(lab: ModelLab) -> int:
    """Flags of ``bpf_redirect_map()`` for maps of devices (``dev_map_redirect``)."""
    broadcast = BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS if lab.release_table.has("broadcast") else 0
    return XDP_TX | broadcast


class Devmap(IndexedMap):
    """An array of ``max_entries`` slots, each empty or a ``DeviceEntry``."""

    def __init__(self, lab: ModelLab, definition: Definition) -> None:
        super().__init__(lab, definition)
        self._flags |= BPF_F_RDONLY_PROG  # The kernel's own doing: programs get pointers to values.
        self.redirect_flags = redirect_flags(lab)
        self.made: Made = {}
        self.slots: dict[int, DeviceEntry] = {}
        self._counted = 0
        self.get = self.slots.get
        self._in_order: list[DeviceEntry] | None = None

    @staticmethod
    def check_attributes(definition: Definition) -> None:
        """``EINVAL`` for sizes and flags."""
        check_device_map(definition)

    @staticmethod
    def check_definition(lab: ModelLab, definition: Definition) -> None:  # noqa: ARG004
        """``EINVAL`` for sizes and flags, ``ENOMEM`` for more slots than memory."""
        check_device_map(definition)
        definition.check_memory()

    def entries(self) -> Sequence[DeviceEntry]:
        """Every entry in the order of a broadcast: by slot."""
        if self._in_order is None:
            self._in_order = [self.slots[slot] for slot in sorted(self.slots)]
        return self._in_order

    def update_element(self, key: bytes, value: bytes, flags: int) -> None:
        """``devmap.c: __dev_map_update_elem``: every slot counts as existing, even if empty."""
        slot = number(key)
        if flags > BPF_EXIST:
            raise KernelError(EINVAL)
        if slot >= self.max_entries:
            raise KernelError(E2BIG)
        if flags == BPF_NOEXIST:
            raise KernelError(EEXIST)
        self._in_order = None
        if number(value) == 0:
            if signed(value[4:8]) > 0:
                raise KernelError(EINVAL)
            self._counted += slot not in self.slots
            self.slots.pop(slot, None)
            return
        entry = make_entry(self, value)
        self._counted += slot not in self.slots
        self.slots[slot] = entry

    def lookup_element(self, key: bytes) -> bytes:
        """``devmap.c: dev_map_lookup_elem``: ``ENOENT`` for an empty slot or none."""
        entry = self.slots.get(number(key))
        if entry is None:
            raise missing()
        return entry.value

    def delete_element(self, key: bytes) -> None:
        """``devmap.c: dev_map_delete_elem``: an empty slot is fine, none at all is ``EINVAL``."""
        slot = number(key)
        if slot >= self.max_entries:
            raise KernelError(EINVAL)
        self._counted -= slot in self.slots
        self.slots.pop(slot, None)
        self._in_order = None

    @property
    def taken(self) -> int:
        """``devmap.c: dev_map_mem_usage``: the map, its slots, and each entry that was counted.

        An update of an empty slot counts an entry even where ifindex 0 makes none, and ifindex 0
        in a full slot takes none back: only deleting does.
        """
        return MAP_SIZE + self.charged + self._counted * ENTRY_SIZE

    def forget(self, device: ModelDevice) -> None:
        """*device* is being unregistered (``devmap.c: dev_map_notification``)."""
        for slot in [slot for slot, entry in self.slots.items() if entry.device is device]:
            del self.slots[slot]
            self._counted -= 1
        self._in_order = None

    def program_lookup(self, key: bytes) -> bytes | None:
        """A program reads the entry and may not write it."""
        entry = self.slots.get(number(key))
        return entry.value if entry else None
