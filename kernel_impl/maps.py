# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""BPF maps through libbpf's wrappers of ``bpf(2)`` (``kernel/bpf/syscall.c``)."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kernel_impl.btf import integers
from kernel_impl.libbpf import check, ffi, libbpf, opts, text
from spec.errors import InputError, KernelError
from spec.lab import Key, Map, Value
from spec.uapi import MapType

if TYPE_CHECKING:
    from kernel_impl.lab import KernelLab

PER_CPU = (
    MapType.BPF_MAP_TYPE_PERCPU_HASH,
    MapType.BPF_MAP_TYPE_PERCPU_ARRAY,
    MapType.BPF_MAP_TYPE_LRU_PERCPU_HASH,
)
PROCESSES = Path("/proc")
KERNEL_MAX = Path("/sys/devices/system/cpu/kernel_max")
NAME_LENGTH = 15
"""``BPF_OBJ_NAME_LEN`` without the terminating zero."""


class KernelMap(Map):
    """A map of the kernel that we hold a descriptor of."""

    lab: KernelLab

    def __init__(self, lab: KernelLab, fd: int, name: str) -> None:
        self.lab, self.fd = lab, fd
        info = map_info(fd)
        self.id, self.type = info.id, _type(info.type)
        self.key_size, self.value_size = info.key_size, info.value_size
        self.max_entries = info.max_entries
        self.name = name
        lab.remember_map(self)

    @classmethod
    def create(
        cls,
        lab: KernelLab,
        type: str | int,
        key_size: int,
        value_size: int,
        max_entries: int,
        map_flags: int,
        name: str,
        type_sizes: tuple[int, int] | None = None,
    ) -> KernelMap:
        """``BPF_MAP_CREATE``, the numbers as they are."""
        try:
            kind = MapType.named(type)
        except ValueError:
            raise KernelError(errno.EINVAL) from None
        options = opts("bpf_map_create_opts", map_flags=map_flags)
        with ExitStack() as types:
            if type_sizes is not None:
                options.btf_fd = types.enter_context(integers(*type_sizes))
                options.btf_key_type_id, options.btf_value_type_id = 1, 2
            fd = libbpf().bpf_map_create(
                kind, name[:NAME_LENGTH].encode(), key_size, value_size, max_entries, options
            )
        return cls(lab, check(fd), name)

    @property
    def map_flags(self) -> int:
        flags: int = map_info(self.fd).map_flags
        return flags

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        place = self._whole_key(key), self._whole_value(value)
        with self.lab.caller.inside():
            check(libbpf().bpf_map_update_elem(self.fd, *place, flags))

    def lookup_bytes(self, key: bytes) -> bytes:
        size = self._element_size()
        value = ffi.new("char[]", size)
        check(libbpf().bpf_map_lookup_elem(self.fd, self._whole_key(key), value))
        return bytes(ffi.buffer(value, size))

    def delete_bytes(self, key: bytes) -> None:
        check(libbpf().bpf_map_delete_elem(self.fd, self._whole_key(key)))

    def next_key_bytes(self, key: bytes | None) -> bytes:
        following = ffi.new("char[]", self.key_size)
        before = ffi.NULL if key is None else self._whole_key(key)
        check(libbpf().bpf_map_get_next_key(self.fd, before, following))
        return bytes(ffi.buffer(following, self.key_size))

    def lookup_with_flags(self, key: Key, flags: int) -> bytes:
        size = self._element_size()
        value, place = ffi.new("char[]", size), self._whole_key(self._key(key))
        check(libbpf().bpf_map_lookup_elem_flags(self.fd, place, value, flags))
        return bytes(ffi.buffer(value, size))

    def lookup_and_delete(self, key: Key) -> bytes:
        size = self._element_size()
        value, place = ffi.new("char[]", size), self._whole_key(self._key(key))
        check(libbpf().bpf_map_lookup_and_delete_elem(self.fd, place, value))
        return bytes(ffi.buffer(value, size))

    def update_batch(self, pairs: Sequence[tuple[Key, Value]]) -> None:
        keys = self._joined(self._whole_key(self._key(key)) for key, _ in pairs)
        values = self._joined(self._whole_value(self._value(value)) for _, value in pairs)
        count = ffi.new("uint32_t *", len(pairs))
        with self.lab.caller.inside():
            check(libbpf().bpf_map_update_batch(self.fd, keys, values, count, _batch()))

    def lookup_batch(self, count: int) -> list[tuple[bytes, bytes]]:
        key_size, value_size = self.key_size, self._element_size()
        keys, values = ffi.new("char[]", count * key_size), ffi.new("char[]", count * value_size)
        next_batch, found = ffi.new("char[]", max(8, key_size)), ffi.new("uint32_t *", count)
        result = libbpf().bpf_map_lookup_batch(
            self.fd, ffi.NULL, next_batch, keys, values, found, _batch()
        )
        if result != -errno.ENOENT:  # that is the end of the map
            check(result)
        all_keys, all_values = bytes(ffi.buffer(keys)), bytes(ffi.buffer(values))
        return [
            (
                all_keys[index * key_size :][:key_size],
                all_values[index * value_size :][:value_size],
            )
            for index in range(found[0])
        ]

    def delete_batch(self, keys: Sequence[Key]) -> None:
        places = self._joined(self._whole_key(self._key(key)) for key in keys)
        count = ffi.new("uint32_t *", len(keys))
        check(libbpf().bpf_map_delete_batch(self.fd, places, count, _batch()))

    @property
    def memory(self) -> int:
        lines = Path(f"/proc/self/fdinfo/{self.fd}").read_text(encoding="ascii").splitlines()
        return int(dict(line.split(":", 1) for line in lines)["memlock"])

    @property
    def threads(self) -> Mapping[int, str]:
        names = ((int(comm.parent.name), _content(comm)) for comm in PROCESSES.glob("[0-9]*/comm"))
        return {process: name for process, name in names if name.endswith(f"/map:{self.id}")}

    def freeze(self) -> None:
        check(libbpf().bpf_map_freeze(self.fd))

    def close(self) -> None:
        if self.fd >= 0:
            self.lab.forget_descriptor(self.fd)
            os.close(self.fd)
            self.fd = -1

    @staticmethod
    def _joined(parts: Iterable[Any]) -> Any:
        return ffi.from_buffer(b"".join(bytes(ffi.buffer(part)) for part in parts))

    def _element_size(self) -> int:
        if self.type not in PER_CPU:
            return self.value_size
        return (self.value_size + 7 & ~7) * cpus()

    def _whole_key(self, key: bytes) -> Any:
        # The kernel reads this many bytes whatever we have.
        if len(key) != self.key_size:
            raise InputError(
                self.name, f"a key of {len(key)} bytes", f"its keys have {self.key_size}"
            )
        return ffi.from_buffer(key)

    def _whole_value(self, value: bytes) -> Any:
        size = self._element_size()
        if len(value) != size:
            raise InputError(self.name, f"a value of {len(value)} bytes", f"its values have {size}")
        return ffi.from_buffer(value)


def _content(comm: Path) -> str:
    # A process may have ended since it was listed.
    try:
        return comm.read_text(encoding="utf-8", errors="replace").rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _batch() -> Any:
    return opts("bpf_map_batch_opts")


def map_info(fd: int) -> Any:
    """``BPF_OBJ_GET_INFO_BY_FD`` of a map."""
    return _info(fd, "struct bpf_map_info")


def name_of_map(map_id: int) -> str:
    """The name that the kernel has for a map of anybody's, or the number for lack of one."""
    fd = libbpf().bpf_map_get_fd_by_id(map_id)
    if fd < 0:
        return str(map_id)
    try:
        return text(map_info(fd).name) or str(map_id)
    finally:
        os.close(fd)


def stop_threads(map_id: int) -> None:
    """Empty a CPUMAP, if it is still there.

    With an entry whose program uses the map, the two keep each other for ever, thread and all.
    """
    fd = libbpf().bpf_map_get_fd_by_id(map_id)
    if fd < 0:
        return
    try:
        for cpu in range(min(map_info(fd).max_entries, cpus())):
            libbpf().bpf_map_delete_elem(fd, ffi.from_buffer(cpu.to_bytes(4, sys.byteorder)))
    finally:
        os.close(fd)


def program_info(fd: int) -> Any:
    """``BPF_OBJ_GET_INFO_BY_FD`` of a program."""
    return _info(fd, "struct bpf_prog_info")


def _type(number: int) -> MapType:
    # An object may bring maps of types that we have no name for.
    return MapType(number) if number in tuple(MapType) else cast(MapType, number)


@cache
def cpus() -> int:
    """Possible CPUs: as many values an element of a per-CPU map has."""
    return check(libbpf().libbpf_num_possible_cpus())


def nr_cpus() -> int:
    """CPUs that the kernel was built for, which bounds a CPUMAP (``CONFIG_NR_CPUS``)."""
    return int(KERNEL_MAX.read_text(encoding="ascii")) + 1


def _info(fd: int, structure: str) -> Any:
    info = ffi.new(f"{structure} *")
    length = ffi.new("uint32_t *", ffi.sizeof(structure))
    check(libbpf().bpf_obj_get_info_by_fd(fd, info, length))
    return info
