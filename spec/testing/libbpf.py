# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""libbpf's C interface over the Lab interface, for engines that have no libbpf of their own.

Each method bears the name of the C function, takes what cffi hands over, and either returns what
the C function returns or raises ``KernelError``.
"""

from __future__ import annotations

import errno
import struct
from itertools import count
from pathlib import Path
from typing import Any, cast

from cffi import FFI
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from spec.errors import InputError, KernelError
from spec.lab import Device, Lab, LoadedObject, Map, Program
from spec.uapi import (
    BPF_PROG_TYPE_XDP,
    BPF_XDP,
    BPF_XDP_CPUMAP,
    BPF_XDP_DEVMAP,
    XDP_FLAGS_DRV_MODE,
    XDP_FLAGS_HW_MODE,
    XDP_FLAGS_SKB_MODE,
)

IF_NAMESIZE = 16

MODES = XDP_FLAGS_SKB_MODE | XDP_FLAGS_DRV_MODE | XDP_FLAGS_HW_MODE


class OpenObject:
    """A ``struct bpf_object``: what its file declares, and once loaded, what became of it."""

    def __init__(self, path: str) -> None:
        try:
            with Path(path).open("rb") as file:
                elf: Any = ELFFile(file)
                sections = list(elf.iter_sections())
                symbols = list(elf.get_section_by_name(".symtab").iter_symbols())
        except OSError as error:
            raise KernelError(error.errno or errno.EINVAL) from None
        except ELFError:
            raise KernelError(errno.EINVAL) from None
        self.path = path
        self.loaded: LoadedObject | None = None
        self.sections: dict[str, str] = {}
        self.maps: list[str] = []
        for symbol in sorted(symbols, key=lambda s: (str(s["st_shndx"]), s["st_value"])):
            index = symbol["st_shndx"]
            section = sections[index].name if isinstance(index, int) else ""
            if section == ".maps":
                self.maps.append(symbol.name)
            elif symbol["st_info"]["type"] == "STT_FUNC" and section != ".text":
                self.sections[symbol.name] = section


class Libbpf:
    """One user-space program's view of *lab* through libbpf."""

    def __init__(self, ffi: FFI, lab: Lab) -> None:
        self.ffi, self.lab = ffi, lab
        self._handles: dict[int, Any] = {}
        self._numbers = count(1)
        self._known: dict[Any, int] = {}
        self._names: dict[str, Any] = {}

    # Elements of maps.

    def bpf_map_update_elem(self, fd: int, key: Any, value: Any, flags: int) -> int:
        map = self._map(fd)
        size = getattr(map, "user_value_size", map.value_size)  # per CPU: one copy for each
        map.update_bytes(self._read(key, map.key_size), self._read(value, size), flags)
        return 0

    def bpf_map_lookup_elem(self, fd: int, key: Any, value: Any) -> int:
        map = self._map(fd)
        self._write(value, map.lookup_bytes(self._read(key, map.key_size)))
        return 0

    def bpf_map_lookup_elem_flags(self, fd: int, key: Any, value: Any, flags: int) -> int:
        if flags:
            raise KernelError(errno.EINVAL)
        return self.bpf_map_lookup_elem(fd, key, value)

    def bpf_map_lookup_and_delete_elem(self, fd: int, key: Any, value: Any) -> int:
        map = self._map(fd)
        take = getattr(map, "lookup_and_delete_bytes", None)
        if take is None:
            raise KernelError(524)  # ENOTSUPP, for every map type of redirection
        self._write(value, take(self._read(key, map.key_size)))
        return 0

    def bpf_map_delete_elem(self, fd: int, key: Any) -> int:
        map = self._map(fd)
        map.delete_bytes(self._read(key, map.key_size))
        return 0

    def bpf_map_get_next_key(self, fd: int, key: Any, next_key: Any) -> int:
        map = self._map(fd)
        given = None if key == self.ffi.NULL else self._read(key, map.key_size)
        self._write(next_key, map.next_key_bytes(given))
        return 0

    def bpf_map_freeze(self, fd: int) -> int:
        self._map(fd).freeze()
        return 0

    def bpf_obj_get_info_by_fd(self, fd: int, info: Any, info_len: Any) -> int:
        """The members up to the name, of ``bpf_map_info`` or ``bpf_prog_info``."""
        found = self.lab.by_fd(fd)
        name = found.name.encode()[:15]
        if isinstance(found, Map):
            sizes = (found.key_size, found.value_size, found.max_entries, found.map_flags)
            raw = struct.pack("=6I16s", found.type, found.id, *sizes, name)
        else:
            raw = struct.pack("=2I56x16s", BPF_PROG_TYPE_XDP, found.id, name)
        raw = raw[: info_len[0]]
        self._write(info, raw)
        info_len[0] = len(raw)
        return 0

    # Objects.

    def bpf_object__open_file(self, path: Any, opts: Any) -> Any:
        del opts
        return self._handle(OpenObject(self._text(path)))

    def bpf_object__load(self, handle: Any) -> int:
        opened = self._object(handle)
        if opened.loaded:
            raise KernelError(errno.EINVAL)
        opened.loaded = self.lab.load(opened.path)
        return 0

    def bpf_object__close(self, handle: Any) -> None:
        if handle == self.ffi.NULL:
            return
        opened = self._object(handle)
        if opened.loaded:
            opened.loaded.close()
        opened.loaded = None

    def bpf_object__find_map_by_name(self, handle: Any, name: Any) -> Any:
        opened, wanted = self._object(handle), self._text(name)
        if wanted not in opened.maps:
            raise KernelError(errno.ENOENT)
        return self._handle((opened, wanted))

    def bpf_object__find_map_fd_by_name(self, handle: Any, name: Any) -> int:
        return self.bpf_map__fd(self.bpf_object__find_map_by_name(handle, name))

    def bpf_object__find_program_by_name(self, handle: Any, name: Any) -> Any:
        opened, wanted = self._object(handle), self._text(name)
        if wanted not in opened.sections:
            raise KernelError(errno.ENOENT)
        return self._handle((opened, wanted))

    def bpf_object__next_map(self, handle: Any, previous: Any) -> Any:
        opened = self._object(handle)
        return self._following(opened, opened.maps, previous)

    def bpf_object__next_program(self, handle: Any, previous: Any) -> Any:
        opened = self._object(handle)
        return self._following(opened, list(opened.sections), previous)

    def bpf_map__fd(self, handle: Any) -> int:
        opened, name = self._member(handle)
        return opened.loaded.maps[name].fd if opened.loaded else -1

    def bpf_map__name(self, handle: Any) -> Any:
        return self._string(self._member(handle)[1])

    def bpf_program__fd(self, handle: Any) -> int:
        opened, name = self._member(handle)
        if opened.loaded is None:
            raise KernelError(errno.ENOENT)
        return opened.loaded.programs[name].fd

    def bpf_program__name(self, handle: Any) -> Any:
        return self._string(self._member(handle)[1])

    def bpf_program__set_expected_attach_type(self, handle: Any, type: int) -> int:
        opened, name = self._member(handle)
        if opened.loaded:
            raise KernelError(errno.EBUSY)
        section = opened.sections[name]
        implied = {"xdp/devmap": BPF_XDP_DEVMAP, "xdp/cpumap": BPF_XDP_CPUMAP}
        if type != implied.get(section.replace(".frags", ""), BPF_XDP):
            problem = f"attach type {type} differs from what section {section!r} implies"
            remedy = "name the section after the attach type, which runs on every engine"
            raise InputError(f"bpf_program__set_expected_attach_type({name})", problem, remedy)
        return 0

    # Devices.

    def bpf_xdp_attach(self, ifindex: int, fd: int, flags: int, opts: Any) -> int:
        if flags & ~MODES or opts != self.ffi.NULL:
            remedy = "replace the program without conditions"
            raise InputError("bpf_xdp_attach()", "takes only a mode here", remedy)
        if flags & XDP_FLAGS_HW_MODE:
            raise KernelError(errno.EOPNOTSUPP)
        device = self._device(ifindex)
        if fd < 0:
            device.detach()
            return 0
        program = self.lab.by_fd(fd)
        if not isinstance(program, Program):
            raise KernelError(errno.EINVAL)
        device.attach(program, mode="generic" if flags & XDP_FLAGS_SKB_MODE else "native")
        return 0

    def bpf_xdp_detach(self, ifindex: int, flags: int, opts: Any) -> int:
        return self.bpf_xdp_attach(ifindex, -1, flags, opts)

    def if_nametoindex(self, name: Any) -> int:
        wanted = self._text(name)
        for ifindex, device in self.lab.devices().items():
            if device.name == wanted:
                return ifindex
        raise KernelError(errno.ENODEV)

    def if_indextoname(self, ifindex: int, name: Any) -> Any:
        device = self.lab.devices().get(ifindex)
        if device is None:
            raise KernelError(errno.ENXIO)
        self._write(name, device.name.encode()[: IF_NAMESIZE - 1] + b"\0")
        return name

    # Memory and handles.

    def _map(self, fd: int) -> Map:
        found = self.lab.by_fd(fd)
        if not isinstance(found, Map):
            raise KernelError(errno.EINVAL)
        return found

    def _device(self, ifindex: int) -> Device:
        device = self.lab.devices().get(ifindex)
        if device is None:
            raise KernelError(errno.ENODEV)
        return device

    def _read(self, pointer: Any, size: int) -> bytes:
        if pointer == self.ffi.NULL:
            raise KernelError(errno.EFAULT)
        return bytes(self.ffi.buffer(pointer, size))

    def _write(self, pointer: Any, data: bytes) -> None:
        if pointer == self.ffi.NULL:
            raise KernelError(errno.EFAULT)
        self.ffi.memmove(pointer, data, len(data))

    def _text(self, pointer: Any) -> str:
        if pointer == self.ffi.NULL:
            raise KernelError(errno.EINVAL)
        return bytes(cast(bytes, self.ffi.string(pointer))).decode()

    def _string(self, text: str) -> Any:
        """A C string that stays where it is."""
        return self._names.setdefault(text, self.ffi.new("char[]", text.encode()))

    def _handle(self, target: Any) -> Any:
        """An opaque pointer for *target*; the same one each time."""
        number = self._known.get(target)
        if number is None:
            number = self._known[target] = next(self._numbers)
            self._handles[number] = target
        return self.ffi.cast("void *", number)

    def _object(self, handle: Any) -> OpenObject:
        found = self._handles.get(int(self.ffi.cast("uintptr_t", handle)))
        if not isinstance(found, OpenObject):
            raise KernelError(errno.EINVAL)
        return found

    def _member(self, handle: Any) -> tuple[OpenObject, str]:
        found = self._handles.get(int(self.ffi.cast("uintptr_t", handle)))
        if not isinstance(found, tuple):
            raise KernelError(errno.EINVAL)
        return found

    def _following(self, opened: OpenObject, names: list[str], previous: Any) -> Any:
        place = 0
        if previous != self.ffi.NULL:
            place = names.index(self._member(previous)[1]) + 1
        return self._handle((opened, names[place])) if place < len(names) else self.ffi.NULL
