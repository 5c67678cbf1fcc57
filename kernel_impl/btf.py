# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Layouts of structures from the running kernel's own type information, read by libbpf."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from kernel_impl.libbpf import check, check_errno, ffi, libbpf, text
from spec.errors import CannotTellError, KernelError
from spec.lab import Field

REMEDY = "boot a kernel with CONFIG_DEBUG_INFO_BTF=y"
MAGIC = 0xEB9F
INT, STRUCT, UNION = 1, 4, 5
TRANSPARENT = (8, 9, 10, 11, 18)
"""typedef, volatile, const, restrict, type_tag: names for another type."""


@cache
def layout(name: str) -> tuple[Field, ...]:
    """Members of ``struct name`` in order; nested ones by dotted path.

    ``ENOENT`` if the kernel has no such structure, ``CannotTellError`` if it tells of none.
    """
    types = _kernel_types()
    number = libbpf().btf__find_by_name_kind(types, name.encode(), STRUCT)
    if number < 0:
        raise KernelError(errno.ENOENT, f"no struct {name}")
    return tuple(_members(types, libbpf().btf__type_by_id(types, number), "", 0))


@contextmanager
def integers(*sizes: int) -> Iterator[int]:
    """A descriptor of type information with an integer of each size in bytes, from type 1 on."""
    types = b"".join(struct.pack("=IIII", 1, INT << 24, size, 8 * size) for size in sizes)
    names = b"\0number\0"
    head = struct.pack("=HBBIIIII", MAGIC, 1, 0, 24, 0, len(types), len(types), len(names))
    blob = head + types + names
    descriptor = check(libbpf().bpf_btf_load(blob, len(blob), ffi.NULL))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@cache
def _kernel_types() -> Any:
    try:
        types = check_errno(libbpf().btf__load_vmlinux_btf())
    except KernelError as error:
        problem = f"this kernel tells nothing of its types: {error}"
        raise CannotTellError(f"{problem}; {REMEDY}") from None
    return ffi.gc(types, libbpf().btf__free)


def _members(types: Any, structure: Any, path: str, start: int) -> Iterator[Field]:
    members = ffi.cast("struct btf_member *", structure + 1)
    offset_is_packed = structure.info >> 31
    for member in members[0 : structure.info & 0xFFFF]:
        bits = member.offset & 0xFFFFFF if offset_is_packed else member.offset
        name, offset = text(libbpf().btf__name_by_offset(types, member.name_off)), start + bits // 8
        inner = _resolved(types, member.type)
        if _kind(inner) in (STRUCT, UNION):
            yield from _members(types, inner, f"{path}{name}." if name else path, offset)
        else:
            size = check(libbpf().btf__resolve_size(types, member.type))
            yield Field(f"{path}{name}", offset, size)


def _resolved(types: Any, number: int) -> Any:
    found = libbpf().btf__type_by_id(types, number)
    while _kind(found) in TRANSPARENT:
        found = libbpf().btf__type_by_id(types, found.type)
    return found


def _kind(found: Any) -> int:
    kind: int = found.info >> 24 & 0x1F
    return kind
