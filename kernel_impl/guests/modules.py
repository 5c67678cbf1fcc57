# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A kernel's modules: which a guest needs, in the order in which they can be loaded."""

from __future__ import annotations

import gzip
import io
import lzma
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from elftools.elf.elffile import ELFFile

from spec.errors import InputError

WANTED = (
    "virtio_blk", "virtio_pci", "veth", "tun", "bridge", "macvlan", "ifb", "dummy", "bonding",
    "8021q", "ipv6",
)  # fmt: skip
"""The disk on which results leave, and every kind of device that a lab may make.

One that the kernel has built in, or does not have, is no file; the guest's own probes say then
what is missing.
"""
_NAME = re.compile(r"^(.*)\.ko(?:\.(gz|xz|zst))?$")


def module_files(folder: Path) -> Mapping[str, Path]:
    """Every module in *folder* and below by its name, dashes being underscores."""
    found = {}
    for path in folder.rglob("*.ko*"):
        named = _NAME.match(path.name)
        if named:
            found[_canonical(named[1])] = path
    return found


def needed_modules(
    files: Mapping[str, Path], wanted: Iterable[str] = WANTED
) -> list[tuple[str, bytes]]:
    """Names and contents of *wanted* and all they depend on, dependencies first."""
    ordered: dict[str, bytes] = {}

    def add(name: str) -> None:
        path = files.get(name)
        if path is None or name in ordered:
            return
        data = read_module(path)
        for dependency in dependencies(data):
            add(dependency)
        ordered[name] = data

    for name in wanted:
        add(_canonical(name))
    return list(ordered.items())


def dependencies(module: bytes) -> list[str]:
    """The modules that *module* says it needs."""
    section = ELFFile(io.BytesIO(module)).get_section_by_name(".modinfo")
    for entry in section.data().split(b"\0") if section else ():
        key, _, value = entry.partition(b"=")
        if key == b"depends":
            return [_canonical(name) for name in value.decode().split(",") if name]
    return []


def read_module(path: Path) -> bytes:
    """The module at *path*, unpacked."""
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        problem = "is packed with zstd, which Python can't read"
        raise InputError(str(path), problem, f"run `unzstd {path.parent}/*.zst` on a copy")
    return data


def _canonical(name: str) -> str:
    return name.replace("-", "_")
