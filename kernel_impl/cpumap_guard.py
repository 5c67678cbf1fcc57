# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sees to it that no CPUMAP of ours outlives a process that is killed.

An entry whose program uses the map itself keeps the map, and the map the entry, its program and
its thread: closing every descriptor does not end them, only emptying the map does. So a small
process of its own waits for the end of this one, and empties what was left
(``cpumap_guard_process.py``). It starts with the first CPUMAP.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from kernel_impl.namespace import outside

PROGRAM = Path(__file__).with_name("cpumap_guard_process.py")
DEAF_TO = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
"""Signals that end groups of processes; it ends by itself, right after us."""


class Guard:
    """The guard of this process: told of each CPUMAP by its id."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._known: set[int] = set()
        self._lock = threading.Lock()
        # Ends with us, whatever ends us: nobody else has the other end.
        reader, self._writer = os.pipe()
        quiet = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            with outside():
                os.posix_spawn(
                    sys.executable,
                    [sys.executable, "-I", "-S", str(PROGRAM)],
                    os.environ,
                    file_actions=[
                        (os.POSIX_SPAWN_DUP2, reader, 0),
                        (os.POSIX_SPAWN_DUP2, quiet, 1),
                        (os.POSIX_SPAWN_DUP2, quiet, 2),
                    ],
                    setsid=True,
                    setsigmask=DEAF_TO,
                )
        finally:
            os.close(reader)
            os.close(quiet)

    def watch(self, map_ids: Iterable[int]) -> None:
        """From now on these maps are emptied when this process ends."""
        with self._lock:
            fresh = set(map_ids) - self._known
            self._known |= fresh
            self._tell("+", fresh)

    def forget(self, map_ids: Iterable[int]) -> None:
        """These maps are nobody's concern any more."""
        with self._lock:
            gone = set(map_ids) & self._known
            self._known -= gone
            self._tell("-", gone)

    def _tell(self, sign: str, map_ids: Iterable[int]) -> None:
        lines = "".join(f"{sign}{map_id}\n" for map_id in map_ids)
        with suppress(BrokenPipeError):  # somebody ended the guard
            os.write(self._writer, lines.encode())


def watch(map_ids: Iterable[int]) -> None:
    """Have these CPUMAPs emptied when this process ends, however it ends."""
    with _opening:
        # A forked child's end is not its parent's.
        if not _guards or _guards[-1].process != os.getpid():
            _guards.append(Guard())
    _guards[-1].watch(map_ids)


def forget(map_ids: Iterable[int]) -> None:
    """These CPUMAPs have been emptied."""
    if _guards and _guards[-1].process == os.getpid():
        _guards[-1].forget(map_ids)


_opening = threading.Lock()
_guards: list[Guard] = []
