# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Object files: libbpf creates the maps, relocates and loads the programs."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import re
from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any

from kernel_impl.libbpf import check, check_errno, ffi, libbpf, messages, text
from kernel_impl.maps import KernelMap
from kernel_impl.programs import KernelProgram
from kernel_impl.verifier import decisive_line, instruction_index, source_line
from spec.errors import InputError, KernelError
from spec.lab import Device, LoadedObject, Map, Program
from spec.machine.program import SECTIONS
from spec.uapi import BPF_F_XDP_DEV_BOUND_ONLY, BPF_PROG_TYPE_XDP

if TYPE_CHECKING:
    from kernel_impl.lab import KernelLab

BPF_PROG_TYPE_UNSPEC = 0
LOG_SIZE = 1 << 22
LIBBPF_ERRNO_START = 4000
"""From here on the numbers are libbpf's own: the file is not what it should be."""
LOWEST_FD = 3
"""An element takes descriptor 0 to mean that there is no program."""


class KernelObject(LoadedObject):
    """What an object file became; each map and program holds a descriptor of its own."""

    def __init__(
        self, lab: KernelLab, path: str | PathLike[str], bound_to: Device | None = None
    ) -> None:
        self.maps: dict[str, Map] = {}
        self.programs: dict[str, Program] = {}
        loaded = _open(os.fspath(path))
        try:
            _prepare(loaded, os.fspath(path))
            if bound_to is not None:
                _bind(loaded, bound_to)
            _load(loaded, os.fspath(path))
            for map in _walk(libbpf().bpf_object__next_map, loaded):
                name = _own_name(text(libbpf().bpf_map__name(map)))
                self.maps[name] = KernelMap(lab, _duplicate(libbpf().bpf_map__fd(map)), name)
            for program in _loaded_programs(loaded):
                name, fd = (
                    text(libbpf().bpf_program__name(program)),
                    libbpf().bpf_program__fd(program),
                )
                self.programs[name] = KernelProgram(lab, _duplicate(fd), name)
        except BaseException:
            self.close()
            raise
        finally:
            libbpf().bpf_object__close(loaded)

    def close(self) -> None:
        for program in self.programs.values():
            program.close()
        for map in self.maps.values():
            map.close()


def _open(path: str) -> Any:
    messages()
    try:
        return check_errno(libbpf().bpf_object__open_file(path.encode(), ffi.NULL))
    except KernelError as error:
        if error.errno == errno.ENOENT and not os.path.exists(path):  # noqa: PTH110
            raise InputError(path, "no such file", "compile it first") from None
        problem = (messages() or ["not a BPF object file"])[-1]
        raise InputError(path, problem, "compile it with clang or zig for the BPF target") from None


def _prepare(loaded: Any, path: str) -> None:
    """Leave out programs that are not for XDP, and let no map outlive the lab in a file system."""
    for program in _walk(libbpf().bpf_object__next_program, loaded):
        kind = libbpf().bpf_program__type(program)
        if kind == BPF_PROG_TYPE_UNSPEC:
            section = text(libbpf().bpf_program__section_name(program))
            remedy = f"name it one of {', '.join(SECTIONS)}"
            raise InputError(path, f"section {section!r} holds no XDP program", remedy)
        if kind != BPF_PROG_TYPE_XDP:
            check(libbpf().bpf_program__set_autoload(program, False))
    for map in _walk(libbpf().bpf_object__next_map, loaded):
        check(libbpf().bpf_map__set_pin_path(map, ffi.NULL))


def _loaded_programs(loaded: Any) -> list[Any]:
    programs = _walk(libbpf().bpf_object__next_program, loaded)
    return [program for program in programs if libbpf().bpf_program__autoload(program)]


def _bind(loaded: Any, device: Device) -> None:
    for program in _walk(libbpf().bpf_object__next_program, loaded):
        flags = libbpf().bpf_program__flags(program) | BPF_F_XDP_DEV_BOUND_ONLY
        check(libbpf().bpf_program__set_flags(program, flags))
        libbpf().bpf_program__set_ifindex(program, device.ifindex)


def _load(loaded: Any, path: str) -> None:
    programs = _loaded_programs(loaded)
    # Anonymous memory costs nothing until a refusal writes into it.
    memory = mmap.mmap(-1, LOG_SIZE * max(1, len(programs)))
    logs = ffi.from_buffer("char[]", memory)
    for index, program in enumerate(programs):
        check(libbpf().bpf_program__set_log_buf(program, logs + index * LOG_SIZE, LOG_SIZE))
    result = libbpf().bpf_object__load(loaded)
    said = messages()
    if result >= 0:
        return
    if result <= -LIBBPF_ERRNO_START:
        raise InputError(path, (said or ["unusable"])[-1], "compile it for this machine")
    written = (text(logs + index * LOG_SIZE) for index in range(len(programs)))
    log = next((log for log in written if log), "")
    error = KernelError(-result, decisive_line(log) or _refused_map(said))
    error.log, error.source, error.index = log, source_line(log), instruction_index(log)
    raise error


def _refused_map(said: list[str]) -> str:
    """Without a log no program was refused; libbpf only tells in words which map was."""
    found = (re.match(r"map '(.+)': failed to create", line) for line in said)
    return next((f"map {match[1]}" for match in found if match), "")


def _walk(following: Any, loaded: Any) -> Iterator[Any]:
    item = following(loaded, ffi.NULL)
    while item != ffi.NULL:
        yield item
        item = following(loaded, item)


def _own_name(name: str) -> str:
    """``.bss`` for what libbpf calls ``file.bss``."""
    return name[name.index(".") :] if "." in name else name


def _duplicate(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, LOWEST_FD)
