# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What this machine lacks to run pages, each in one line with its remedy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from kernel_impl.probes import findings
from spec.errors import InputError
from spec.testing.compiler import cache_folder
from spec.testing.toolchain import bpf_compiler, user_compiler

ROOM = 1 << 20
"""Bytes that running a page may need on disk: its object files, what its C code writes."""


def lacking(engine: str) -> Iterator[str]:
    """Everything that must be there before a page can run on *engine*."""
    if engine == "kernel":
        yield from (str(found) for found in findings() if found.prevents)
    yield from _compilers()
    for folder in dict.fromkeys((cache_folder(), Path(tempfile.gettempdir()))):
        yield from _room(folder)


def compilers() -> dict[str, str]:
    """The compilers in use, with their versions."""
    return {"BPF compiler": bpf_compiler().identity, "C compiler": user_compiler().identity}


def _compilers() -> Iterator[str]:
    for find in (bpf_compiler, user_compiler):
        try:
            find()
        except InputError as error:
            yield str(error)


def _room(folder: Path) -> Iterator[str]:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
    except OSError as error:
        yield f"{folder}: can't be written: {error.strerror}; make room there"
