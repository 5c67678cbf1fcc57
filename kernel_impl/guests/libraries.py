# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which shared libraries something needs, as this machine's dynamic loader finds them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

LOADER_CACHE = Path("/etc/ld.so.cache")
_FOUND = re.compile(r"=> (/\S.*) \(0x[0-9a-f]+\)$", re.MULTILINE)


def libraries(program: Path, others: Iterable[Path]) -> set[Path]:
    """The dynamic loader of *program*, and the libraries that it and *others* need."""
    loader = interpreter(program)
    if loader is None:
        return set()
    found = {loader}
    for path in (program, *others):
        found |= _needed(loader, path)
    return found


def interpreter(program: Path) -> Path | None:
    """The dynamic loader that *program* names; ``None`` if it needs none."""
    with program.open("rb") as file:
        segments = ELFFile(file).iter_segments("PT_INTERP")
        return next((Path(s.get_interp_name()) for s in segments if isinstance(s, InterpSegment)),
                    None)  # fmt: skip


@cache
def _needed(loader: Path, path: Path) -> frozenset[Path]:
    done = subprocess.run([str(loader), "--list", str(path)], capture_output=True, text=True)
    return frozenset(Path(match) for match in _FOUND.findall(done.stdout))


def is_elf(path: Path) -> bool:
    """Whether *path* is a program or library of this machine's kind."""
    try:
        with path.open("rb") as file:
            ELFFile(file)
    except (ELFError, OSError):
        return False
    return True


def loaded_library(name: str) -> Path | None:
    """Where this process has found the library *name*, which it has opened."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        path = Path(line[line.find("/") :])
        if path.name.startswith(name):
            return path.with_name(name)  # a link to what is mapped
    return None
