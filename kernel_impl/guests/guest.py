# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs one command of ours in one guest, and brings home what came of it.

QEMU ends with the thread that started it, however that ends, and nothing of a guest has a name
in the host's file systems: its initramfs and its disk are files in memory.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from kernel_impl.guests.initramfs import FIRST_ARGUMENTS, Job, initramfs
from kernel_impl.guests.inside import MARK
from kernel_impl.guests.kernels import Kernel
from kernel_impl.guests.machine import Machine, command, hardware
from spec.testing.compiler import handed_out

TIMEOUT_S = 300.0
SILENCE_S = 900.0
"""How long a command may say nothing that runs for as long as it likes."""
LAST_LINES = 40
"""How much of a console is kept."""
DISK_MIB = 64
"""Room for what comes home; takes only what is written."""
LAST_WORDS_S = 5.0
"""How long a kernel that has panicked may go on talking."""
# Ends with the thread that started it; the parent may have ended before that was arranged.
_LAUNCHER = (
    "import ctypes, os, sys;"
    "os.setsid();"
    "ctypes.CDLL(None).prctl(1, 9);"
    "os.getppid() == int(sys.argv[1]) or sys.exit(1);"
    "os.execv(sys.argv[2], sys.argv[2:])"
)
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1bc|[\x00-\x08\x0b-\x1f\x7f]")


class Ending(Enum):
    """How a guest can end."""

    FINISHED = "finished"
    HUNG = "did not end in time"
    PANICKED = "kernel panic"
    BROKE_OFF = "ended without a result"
    STOPPED = "stopped"


@dataclass(frozen=True)
class GuestResult:
    """What came of a command in a guest."""

    kernel: Kernel
    ending: Ending
    release: str = ""
    """What the guest's kernel calls itself, as ``6.12.117+deb13-cloud-amd64``."""

    status: int | None = None
    """The command's exit status, if it finished."""

    stdout: str = ""
    stderr: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What it left, by names relative to its folder."""

    console: Sequence[str] = ()
    """The last lines that the kernel wrote."""

    boot_seconds: float = 0.0
    seconds: float = 0.0
    """Until the command began, and all in all."""


def run(
    kernel: Kernel,
    arguments: Sequence[str],
    *,
    results: Sequence[str] = (),
    files: Sequence[Path] = (),
    compiled: Sequence[Path] | None = None,
    machine: Machine | None = None,
    timeout: float = TIMEOUT_S,
    silence: float = SILENCE_S,
    told: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> GuestResult:
    """Boot *kernel* and run ``xdpspec`` with *arguments* in it, as root, in an empty folder.

    *results* name files or folders in that folder which come home. *files* of this machine go
    along under their own paths, as do *compiled* objects: by default all that this process has
    compiled. *told* hears how it goes, ``12/168`` and the like. The guest is ended after *timeout*
    seconds, after *silence* seconds without such a word, or when *stop* is set. Takes QEMU to be
    there; see ``tools.lacking()``.
    """
    own = sorted(handed_out()) if compiled is None else compiled
    job = Job(list(arguments), list(results), list(files), [p for p in own if p.exists()])
    with initramfs(kernel, job) as image, _disk() as disk:
        full = _command(machine or Machine(), kernel, image, disk)
        with _started(full, (image.fileno(), disk.fileno())) as process:
            watch = _Watch(process, told)
            ending = watch.until_end(timeout, silence, stop or threading.Event())
        return _result(kernel, ending, watch, disk)


def _command(machine: Machine, kernel: Kernel, image: BinaryIO, disk: BinaryIO) -> list[str]:
    found = hardware()
    qemu = shutil.which(found.qemu) if found else None
    assert qemu is not None  # tools.lacking() has said so
    initramfs, results = (Path(f"/proc/self/fd/{file.fileno()}") for file in (image, disk))
    return command(qemu, machine, kernel.image, initramfs, results, FIRST_ARGUMENTS)


@contextmanager
def _disk() -> Iterator[BinaryIO]:
    with os.fdopen(os.memfd_create("results"), "w+b") as file:
        file.truncate(DISK_MIB << 20)
        yield file


@contextmanager
def _started(full: Sequence[str], descriptors: Sequence[int]) -> Iterator[subprocess.Popen[bytes]]:
    launched = [sys.executable, "-ISc", _LAUNCHER, str(os.getpid()), *full]
    process = subprocess.Popen(
        launched,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=descriptors,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


class _Watch:
    """Follows a guest's console to its end."""

    def __init__(self, process: subprocess.Popen[bytes], told: Callable[[str], None]) -> None:
        assert process.stdout is not None
        self._output = process.stdout
        self._told = told
        self._began = time.monotonic()
        self._spoke = 0.0
        self._rest = b""
        self.lines = deque[str](maxlen=LAST_LINES)
        self.release = ""
        self.boot_seconds = 0.0
        self.panicked = self.ended = False

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def until_end(self, timeout: float, silence: float, stop: threading.Event) -> Ending:
        """Wait for the end of it, whichever comes."""
        self._told("booting")
        limit = timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while True:
                if stop.is_set():
                    return Ending.STOPPED
                if self.seconds > min(limit, self._spoke + silence):
                    return Ending.PANICKED if self.panicked else Ending.HUNG
                if not selector.select(timeout=0.2):
                    continue
                data = os.read(self._output.fileno(), 1 << 16)
                if not data:
                    break
                was = self.panicked
                self._hear(data)
                if self.panicked and not was:
                    limit = min(limit, self.seconds + LAST_WORDS_S)
        if self.panicked:
            return Ending.PANICKED
        return Ending.FINISHED if self.ended else Ending.BROKE_OFF

    def _hear(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for raw in whole:
            line = _CONTROL.sub("", raw.decode(errors="replace")).strip()
            if line.startswith(MARK):
                self._understand(line.removeprefix(MARK).strip())
            elif line:
                self.lines.append(line)
                self.panicked = self.panicked or "Kernel panic - not syncing" in line

    def _understand(self, what: str) -> None:
        word, _, rest = what.partition(" ")
        self._spoke = self.seconds
        if word == "booted":
            self.release, self.boot_seconds = rest, self.seconds
            self._told("running")
        elif word == "progress":
            self._told(rest)
        elif word == "end":
            self.ended = True
        else:
            self.lines.append(what)


def _result(kernel: Kernel, ending: Ending, watch: _Watch, disk: BinaryIO) -> GuestResult:
    known = GuestResult(
        kernel,
        ending,
        watch.release,
        console=tuple(watch.lines),
        boot_seconds=watch.boot_seconds,
        seconds=watch.seconds,
    )
    if ending is not Ending.FINISHED:
        return known
    disk.seek(0)
    try:
        with tarfile.open(fileobj=disk, mode="r:") as archive:
            found = {
                member.name: archive.extractfile(member).read()  # type: ignore[union-attr]
                for member in archive
                if member.isfile()
            }
        status = int(found["status"])
    except (tarfile.TarError, KeyError, ValueError):
        return GuestResult(**{**vars(known), "ending": Ending.BROKE_OFF})
    return GuestResult(
        **{
            **vars(known),
            "status": status,
            "stdout": found["stdout"].decode(errors="replace"),
            "stderr": found["stderr"].decode(errors="replace"),
            "files": {
                name.removeprefix("files/"): data
                for name, data in found.items()
                if name.startswith("files/")
            },
        }
    )
