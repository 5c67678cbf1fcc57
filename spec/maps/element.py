# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What every map has in common: its descriptor, its permissions, the way into its elements.

Mirrors ``kernel/bpf/syscall.c``: ``map_lookup_elem``, ``map_update_elem``, ``map_delete_elem``,
``map_get_next_key``, ``map_freeze``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from errno import EBADF, EBADFD, EBUSY, EINVAL, ENOENT, ENOMEM, EPERM
from typing import TYPE_CHECKING, Any, NamedTuple

from spec.capabilities import check_freeze
from spec.errors import ENOTSUPP, CannotTellError, InputError, KernelError
from spec.lab import Key, Map, Value
from spec.uapi import BPF_F_LOCK, BPF_F_RDONLY, BPF_F_WRONLY, MapType

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.model import ModelLab
    from spec.redirect.xsk import ModelSocket

POINTER_SIZE = 8
MAP_SIZE = 304
"""``struct bpf_cpu_map`` and ``struct xsk_map`` on a 64-bit machine."""
MEMORY = 1 << 34
"""Bytes that the machine of the model has to give."""
PAGE_SIZE = 4096
_BYTE_ORDER = sys.byteorder


class Definition(NamedTuple):
    """The arguments of ``BPF_MAP_CREATE``."""

    type: MapType
    key_size: int
    value_size: int
    max_entries: int
    map_flags: int
    name: str
    type_sizes: tuple[int, int] | None = None
    """Bytes that the BTF types of key and value have, where they are given."""
    inner: Definition | None = None
    """What the maps in a map of maps are like."""

    def check_memory(self) -> None:
        """``ENOMEM`` where an array of pointers to the elements does not fit."""
        if self.max_entries * POINTER_SIZE > MEMORY:
            raise KernelError(ENOMEM)


class ModelMap(Map):
    """A map, seen from user space through its one descriptor.

    Subclasses say what an element is: ``lookup_element`` and so on get arguments whose
    permissions and sizes are settled.
    """

    lab: ModelLab
    redirect_flags: int | None = None
    """Flags that ``bpf_redirect_map()`` accepts; ``None`` where the map is no target at all."""

    def __init__(self, lab: ModelLab, definition: Definition) -> None:
        self.check_definition(lab, definition)
        self.lab = lab
        self.release = lab.release_table
        self.type, self.key_size, self.value_size = definition[:3]
        self.max_entries, self._flags, self.name = definition[3:6]
        self.id = lab.new_map_id()
        self.fd = lab.install(self)
        self.frozen = False
        self.owner: Any = None

    @staticmethod
    def check_attributes(definition: Definition) -> None:
        """What is refused even to who may not create such a map (``map_alloc_check``)."""

    @staticmethod
    def check_definition(lab: ModelLab, definition: Definition) -> None:
        """Raise what ``BPF_MAP_CREATE`` answers to an unusable *definition*."""

    # What user space asks for.

    @property
    def map_flags(self) -> int:
        """Flags as reported: ``BPF_F_RDONLY`` and ``BPF_F_WRONLY`` belong to the descriptor.

        Without a descriptor ``EBADFD``, and not ``EBADF`` as elsewhere
        (``kernel/bpf/syscall.c: bpf_obj_get_info_by_fd``).
        """
        if not self.lab.holds(self):
            raise KernelError(EBADFD)
        return self._flags & ~(BPF_F_RDONLY | BPF_F_WRONLY)

    def lookup_bytes(self, key: bytes) -> bytes:
        """``BPF_MAP_LOOKUP_ELEM``."""
        self._sized(key, self.key_size, "key")
        self._check_readable()
        return self.lookup_element(key)

    def lookup_with_flags(self, key: Key, flags: int) -> bytes:
        """The only flag is ``BPF_F_LOCK``, and it needs a lock in the value.

        Before 6.19 others are refused before anybody looks for the map.
        """
        raw = self._sized(self._key(key), self.key_size, "key")
        if flags & ~BPF_F_LOCK and not self.release.has("lookup_flags_after_map"):
            raise KernelError(EINVAL)
        self._check_readable()
        if flags:
            raise KernelError(EINVAL)
        return self.lookup_element(raw)

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        """``BPF_MAP_UPDATE_ELEM``: *flags* has 64 bits."""
        self._sized(key, self.key_size, "key")
        self._sized(value, self.user_value_size, "value")
        self._check_writable()
        if flags & BPF_F_LOCK:
            raise KernelError(EINVAL)
        self.update_element(key, value, flags)

    def delete_bytes(self, key: bytes) -> None:
        """``BPF_MAP_DELETE_ELEM``."""
        self._sized(key, self.key_size, "key")
        self._check_writable()
        self.delete_element(key)

    def next_key_bytes(self, key: bytes | None) -> bytes:
        """``BPF_MAP_GET_NEXT_KEY``."""
        if key is not None:
            self._sized(key, self.key_size, "key")
        self._check_readable()
        return self.following_key(key)

    def freeze(self) -> None:
        """``BPF_MAP_FREEZE``: from now on user space only reads. A second time is ``EPERM``.

        Before 6.5 it was ``EBUSY``, and it was the process that needed a permission, not the map.
        """
        if self.release.has("freeze_takes_writing"):
            self._check_writable()
        else:
            self._check_open()
            if self.frozen:
                raise KernelError(EBUSY)
            check_freeze(self.lab)
        self.frozen = True

    def close(self) -> None:
        """Give up the descriptor; the map lives on where programs use it."""
        self.lab.uninstall(self)

    @property
    def memory(self) -> int:
        """What the map says it takes, where the model knows."""
        raise CannotTellError(f"the model does not know what a {self.type.short} takes; ask Linux")

    @property
    def user_value_size(self) -> int:
        """Bytes of a value in a system call; per-CPU maps have one value for each CPU there."""
        return self.value_size

    # What a type of map says.

    def lookup_element(self, key: bytes) -> bytes:
        """The value of *key*, or a ``KernelError``."""
        raise NotImplementedError

    def update_element(self, key: bytes, value: bytes, flags: int) -> None:
        """Store *value* under *key*, or raise a ``KernelError`` and change nothing."""
        raise NotImplementedError

    def delete_element(self, key: bytes) -> None:
        """Remove *key*, or raise a ``KernelError``."""
        raise NotImplementedError

    def following_key(self, key: bytes | None) -> bytes:
        """The key after *key*, or ``ENOENT``."""
        raise NotImplementedError

    def forget(self, device: ModelDevice) -> None:
        """*device* is being unregistered."""

    def forget_socket(self, socket: ModelSocket) -> None:
        """*socket* was closed."""

    # What a running program asks of the map.

    def program_lookup(self, key: bytes) -> bytearray | bytes | memoryview | None:  # noqa: ARG002
        """Memory of the value; ``bytes`` where a program may only read it."""
        return None

    def program_update(self, key: bytes, value: bytes, flags: int) -> int:  # noqa: ARG002
        """0 or a negative errno."""
        return -EINVAL

    def program_delete(self, key: bytes) -> int:  # noqa: ARG002
        """0 or a negative errno."""
        return -EINVAL

    # Order of checks: what no system call could be made with, the descriptor, its permission.

    def _check_open(self) -> None:
        if not self.lab.holds(self):
            raise KernelError(EINVAL if self.lab.holds_fd(self.fd) else EBADF)

    def _check_readable(self) -> None:
        self._check_open()
        if self._flags & BPF_F_WRONLY:
            raise KernelError(EPERM)

    def _check_writable(self) -> None:
        self._check_open()
        if self._flags & BPF_F_RDONLY or self.frozen:
            raise KernelError(EPERM)

    def _sized(self, raw: bytes, size: int, what: str) -> bytes:
        if len(raw) != size:
            place = f"map {self.name or self.type.short}"
            raise InputError(place, f"a {what} of {len(raw)} bytes", f"give {size} bytes")
        return raw


class RedirectMap(ModelMap):
    """A map that frames are redirected through: without batches."""

    @property
    def memory(self) -> int:
        """What the map says it takes: since 6.4 by its type's own account.

        Before, whole pages (``syscall.c: bpf_map_memory_footprint``): for keys and values that are
        nowhere in these maps, and in 5.10 for what was charged on creation.
        """
        if self.release.has("memory_by_type"):
            return self.taken
        size = self.charged
        if self.release.has("memory_by_cgroup"):
            size = self.max_entries * _rounded(self.key_size + self.value_size, 8)
        return _rounded(size, PAGE_SIZE)

    @property
    def taken(self) -> int:
        """The type's own account, in bytes."""
        raise NotImplementedError

    @property
    def charged(self) -> int:
        """Bytes charged on creation (``syscall.c: bpf_map_charge_init``)."""
        raise NotImplementedError

    def lookup_and_delete(self, key: Key) -> bytes:
        """``BPF_MAP_LOOKUP_AND_DELETE_ELEM``: not for the maps of redirection."""
        self._sized(self._key(key), self.key_size, "key")
        self._check_readable()
        self._check_writable()
        raise KernelError(ENOTSUPP)

    def update_batch(self, pairs: Sequence[tuple[Key, Value]]) -> None:  # noqa: ARG002
        """``BPF_MAP_UPDATE_BATCH``: not for the maps of redirection."""
        self._check_writable()
        raise KernelError(ENOTSUPP)

    def lookup_batch(self, count: int) -> list[tuple[bytes, bytes]]:  # noqa: ARG002
        """``BPF_MAP_LOOKUP_BATCH``: not for the maps of redirection."""
        self._check_readable()
        raise KernelError(ENOTSUPP)

    def delete_batch(self, keys: Sequence[Key]) -> None:  # noqa: ARG002
        """``BPF_MAP_DELETE_BATCH``: not for the maps of redirection."""
        self._check_writable()
        raise KernelError(ENOTSUPP)


class IndexedMap(RedirectMap):
    """A map whose keys are the slots ``0 … max_entries - 1``."""

    @property
    def taken(self) -> int:
        """The map and its slots (``cpumap.c: cpu_map_mem_usage``), not what those hold."""
        return MAP_SIZE + self.charged

    @property
    def charged(self) -> int:
        """The slots."""
        return self.max_entries * POINTER_SIZE

    def following_key(self, key: bytes | None) -> bytes:
        """Empty slots are not skipped (``devmap.c: dev_map_get_next_key``)."""
        slot = number(key) if key is not None else self.max_entries
        if slot >= self.max_entries:
            return word(0)
        if slot == self.max_entries - 1:
            raise missing()
        return word(slot + 1)


def _rounded(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def number(raw: bytes) -> int:
    """The first 32-bit word of *raw* in the machine's byte order."""
    return int.from_bytes(raw[:4], _BYTE_ORDER)


def signed(raw: bytes) -> int:
    """*raw* as a C ``int``; 0 for no bytes at all."""
    return int.from_bytes(raw, _BYTE_ORDER, signed=True)


def word(value: int) -> bytes:
    """*value* as 32 bits in the machine's byte order."""
    return value.to_bytes(4, _BYTE_ORDER)


def missing() -> KernelError:
    """There is no such element."""
    return KernelError(ENOENT)
