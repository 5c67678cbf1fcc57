# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A guest's first and only root file system, in memory: the environment, modules, and the job.

Linux unpacks archives that follow one another, so the large one is made once for all guests.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from kernel_impl.guests import inside
from kernel_impl.guests.cpio import Archive
from kernel_impl.guests.environment import add_environment
from kernel_impl.guests.kernels import Kernel
from kernel_impl.guests.modules import module_files, needed_modules
from spec.testing import toolchain
from spec.testing.compiler import cache_folder

FIRST_PROCESS = Path(inside.__file__)
FIRST_ARGUMENTS = ("-I", "-S", str(FIRST_PROCESS))
TOOLCHAIN = "/toolchain.json"


@dataclass(frozen=True)
class Job:
    """What a guest is to run, and what of it is to come home."""

    arguments: Sequence[str]
    """Of ``xdpspec``."""

    results: Sequence[str] = ()
    """Files and folders that the command leaves, relative to the folder it runs in."""

    files: Sequence[Path] = ()
    """More files and folders of this machine that it reads; they keep their paths."""

    compiled: Sequence[Path] = ()
    """Those of the compiler's cache that it needs: there is no compiler in a guest."""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "kernel_impl", *self.arguments]


def initramfs(kernel: Kernel, job: Job) -> BinaryIO:
    """A file in memory, without a name; its descriptor can be inherited."""
    file = _memory("initramfs")
    file.write(_environment())
    with Archive(file) as archive:
        _add_modules(archive, kernel)
        _add_job(archive, job)
    file.flush()
    return file


def _environment() -> bytes:
    with _making:
        return _made()


_making = threading.Lock()


@cache
def _made() -> bytes:
    packed = io.BytesIO()
    with Archive(packed) as archive:
        archive.link("/init", str(Path(sys.executable).resolve()))
        archive.device("/dev/console", 5, 1)
        archive.device("/dev/null", 1, 3)
        add_environment(archive)
    return packed.getvalue()


def _add_modules(archive: Archive, kernel: Kernel) -> None:
    archive.folder(inside.MODULES)
    files = module_files(kernel.modules) if kernel.modules else {}
    for number, (name, data) in enumerate(needed_modules(files)):
        archive.file(inside.MODULES / f"{number:02d}-{name}", data)


def _add_job(archive: Archive, job: Job) -> None:
    said = {
        "command": job.command,
        "results": list(job.results),
        "environment": {
            "HOME": str(inside.SCRATCH),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "XDG_CACHE_HOME": str(cache_folder().parent),
            toolchain.RECORDED: TOOLCHAIN,
        },
    }
    archive.file(inside.JOB, json.dumps(said).encode())
    archive.file(TOOLCHAIN, toolchain.record().encode())
    for path in (*job.compiled, *_below(job.files)):
        archive.copy(path)


def _below(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        path = path.absolute()
        yield from (p for p in sorted(path.rglob("*")) if p.is_file()) if path.is_dir() else (path,)


def _memory(name: str) -> BinaryIO:
    return os.fdopen(os.memfd_create(name), "w+b")
