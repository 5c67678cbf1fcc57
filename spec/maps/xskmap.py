# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""XSKMAP: an array of AF_XDP sockets to redirect to.

Mirrors ``net/xdp/xskmap.c``. Keys are slots, values descriptors of sockets (4 bytes).
"""

from __future__ import annotations

from errno import E2BIG, EBADF, EEXIST, EINVAL, ENOENT, ENOTSOCK, EOPNOTSUPP
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.lab import Socket
from spec.maps.devmap import CREATE_FLAGS
from spec.maps.element import MAP_SIZE, Definition, IndexedMap, number, signed, word
from spec.uapi import BPF_EXIST, BPF_NOEXIST, XDP_TX

if TYPE_CHECKING:
    from spec.model import ModelLab
    from spec.redirect.xsk import ModelSocket

NODE_SIZE = 32
"""``struct xsk_map_node`` on a 64-bit machine."""


class Xskmap(IndexedMap):
    """An array of ``max_entries`` slots, each empty or a socket."""

    redirect_flags = int(XDP_TX)

    def __init__(self, lab: ModelLab, definition: Definition) -> None:
        super().__init__(lab, definition)
        self.slots: dict[int, ModelSocket] = {}
        self.get = self.slots.get

    @staticmethod
    def check_definition(lab: ModelLab, definition: Definition) -> None:  # noqa: ARG004
        """``EINVAL`` for sizes and flags, ``ENOMEM`` for more slots than memory."""
        if (
            definition.max_entries == 0
            or definition.key_size != 4
            or definition.value_size != 4
            or definition.map_flags & ~CREATE_FLAGS
        ):
            raise KernelError(EINVAL)
        definition.check_memory()

    def update_element(self, key: bytes, value: bytes, flags: int) -> None:
        """``xskmap.c: xsk_map_update_elem``: the same socket again is fine whatever the flags."""
        slot = number(key)
        if flags > BPF_EXIST:
            raise KernelError(EINVAL)
        if slot >= self.max_entries:
            raise KernelError(E2BIG)
        socket = self._socket(signed(value))
        present = self.slots.get(slot)
        if present is socket:
            return
        if present is not None and flags == BPF_NOEXIST:
            raise KernelError(EEXIST)
        if present is None and flags == BPF_EXIST:
            raise KernelError(ENOENT)
        self.slots[slot] = socket

    def lookup_element(self, key: bytes) -> bytes:  # noqa: ARG002
        """``xskmap.c: xsk_map_lookup_elem_sys_only``: sockets are not shown to user space."""
        raise KernelError(EOPNOTSUPP)

    def delete_element(self, key: bytes) -> None:
        """``xskmap.c: xsk_map_delete_elem``: an empty slot is fine, none at all is ``EINVAL``."""
        slot = number(key)
        if slot >= self.max_entries:
            raise KernelError(EINVAL)
        self.slots.pop(slot, None)

    @property
    def taken(self) -> int:
        """The map, its slots, and a node for each full one (``xskmap.c: xsk_map_mem_usage``)."""
        return self.charged + len(self.slots) * NODE_SIZE

    @property
    def charged(self) -> int:
        """The slots, and unlike for other types the map before them."""
        return MAP_SIZE + super().charged

    def program_lookup(self, key: bytes) -> bytes | None:
        """A program reads ``struct bpf_xdp_sock``: the queue, and every device has one only."""
        return word(0) if number(key) in self.slots else None

    def forget_socket(self, socket: ModelSocket) -> None:
        """*socket* was closed (``xskmap.c: xsk_map_try_sock_delete``)."""
        for slot in [slot for slot, present in self.slots.items() if present is socket]:
            del self.slots[slot]

    def _socket(self, fd: int) -> ModelSocket:
        socket = self.lab.socket_of(fd)
        if socket is None:
            raise KernelError(ENOTSOCK if self.lab.holds_fd(fd) else EBADF)
        if not isinstance(socket, Socket):
            raise KernelError(EOPNOTSUPP)
        return socket
