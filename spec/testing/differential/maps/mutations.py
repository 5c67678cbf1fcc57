# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The model's maps, broken on purpose."""

from __future__ import annotations

import errno
import sys
from typing import Any

from spec.errors import KernelError
from spec.maps.cpumap import Cpumap
from spec.maps.devmap import Devmap
from spec.maps.devmap_hash import DevmapHash
from spec.maps.element import ModelMap
from spec.maps.xskmap import Xskmap
from spec.testing.differential.mutation import Mutation, replaced
from spec.uapi import BPF_NOEXIST


def _another_errno(right: Any) -> Any:
    def update(self: Devmap, key: bytes, value: bytes, flags: int) -> None:
        try:
            right(self, key, value, flags)
        except KernelError as error:
            code = errno.EINVAL if error.errno == errno.E2BIG else error.errno
            raise KernelError(code or 0) from None

    return update


def _noexist_into_empty_slots(right: Any) -> Any:
    def update(self: Devmap, key: bytes, value: bytes, flags: int) -> None:
        empty = int.from_bytes(key, sys.byteorder) not in self.slots
        right(self, key, value, 0 if flags == BPF_NOEXIST and empty else flags)

    return update


def _absent_keys_deleted(right: Any) -> Any:
    def delete(self: DevmapHash, key: bytes) -> None:
        try:
            right(self, key)
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise

    return delete


def _oldest_first(right: Any) -> Any:
    def following(self: DevmapHash, key: bytes | None) -> bytes:
        self.bucket_mask, kept = 0xFFFFFFFF, self.bucket_mask
        self._order = None
        try:
            return bytes(right(self, key))
        finally:
            self.bucket_mask, self._order = kept, None

    return following


def _last_slot_has_a_successor(right: Any) -> Any:
    def following(self: Devmap, key: bytes | None) -> bytes:
        try:
            return bytes(right(self, key))
        except KernelError:
            return bytes(4)

    return following


def _no_access_check(_: Any) -> Any:
    return lambda self: self._check_open()


def _same_socket_again_refused(right: Any) -> Any:
    def update(self: Xskmap, key: bytes, value: bytes, flags: int) -> None:
        if flags == BPF_NOEXIST and int.from_bytes(key, sys.byteorder) in self.slots:
            raise KernelError(errno.EEXIST)
        right(self, key, value, flags)

    return update


def _queue_too_large(right: Any) -> Any:
    def update(self: Cpumap, key: bytes, value: bytes, flags: int) -> None:
        if value[:4] == (16384).to_bytes(4, sys.byteorder):
            raise KernelError(errno.EOVERFLOW)
        right(self, key, value, flags)

    return update


MUTATIONS = (
    Mutation(
        "errno of an update",
        "A slot that is too large is EINVAL, not E2BIG.",
        replaced(Devmap, "update_element", _another_errno),
    ),
    Mutation(
        "NOEXIST on an empty slot",
        "BPF_NOEXIST fills an empty slot of a DEVMAP.",
        replaced(Devmap, "update_element", _noexist_into_empty_slots),
    ),
    Mutation(
        "absent key",
        "Deleting a key that a DEVMAP_HASH does not have succeeds.",
        replaced(DevmapHash, "delete_element", _absent_keys_deleted),
    ),
    Mutation(
        "order of a hash",
        "A DEVMAP_HASH has its keys in their own order, not bucket by bucket.",
        replaced(DevmapHash, "following_key", _oldest_first),
    ),
    Mutation(
        "last slot",
        "After the last slot of a DEVMAP comes the first.",
        replaced(Devmap, "following_key", _last_slot_has_a_successor),
    ),
    Mutation(
        "permission",
        "A frozen map, and one of a read-only descriptor, can be written.",
        replaced(ModelMap, "_check_writable", _no_access_check),
    ),
    Mutation(
        "same socket",
        "BPF_NOEXIST refuses the socket that is in the slot already.",
        replaced(Xskmap, "update_element", _same_socket_again_refused),
    ),
    Mutation(
        "largest queue",
        "The queue of a CPUMAP entry has fewer than 16384 places.",
        replaced(Cpumap, "update_element", _queue_too_large),
    ),
)
