# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Searches in guests: the model at a release, compared with a kernel of that release.

Both run in the guest, where everything that they load has been compiled before. What the command,
``xdpspec fuzz`` or ``xdpspec replay``, says, records and keeps comes home.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from math import inf
from pathlib import Path

from kernel_impl.guests.columns import Told, jobs
from kernel_impl.guests.guest import GuestResult, run
from kernel_impl.guests.kernels import find_kernel
from kernel_impl.guests.machine import Machine
from kernel_impl.version import commit
from spec.errors import InputError
from spec.testing.differential.areas import AREAS

RECORD, KEPT = "campaigns.jsonl", "kept"
NO_REPORT = 3


@dataclass(frozen=True)
class Request:
    """Which kernels, and the command in each, with the files that go along."""

    kernels: Sequence[str]
    command: Sequence[str]
    machine: Machine
    files: Sequence[Path] = ()


@dataclass(frozen=True)
class Search:
    """What came of a search in one guest, or why nothing did."""

    title: str
    problem: str = ""
    guest: GuestResult | None = None
    commit: str = ""
    """Of the working tree that the guest was made from; it has no git to ask."""

    @property
    def status(self) -> int:
        """As the command ended; 3 where there is no report."""
        told = None if self.problem or self.guest is None else self.guest.status
        return NO_REPORT if told is None else told

    def records(self) -> Iterator[str]:
        """A line of JSON for each campaign."""
        if self.guest:
            for line in self.guest.files.get(RECORD, b"").decode().splitlines():
                yield json.dumps(json.loads(line) | {"commit": self.commit}) + "\n"

    def cases(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the cases that were kept."""
        for name, content in (self.guest.files if self.guest else {}).items():
            if name.startswith(f"{KEPT}/"):
                yield f"{Path(self.title).name}_{Path(name).name}", content


def search(
    request: Request, told: Told, stop: threading.Event, done: Callable[[Search], None]
) -> int:
    """Search in every guest, each *done* as soon as it is; the worst status.

    When *stop* is set, guests end.
    """
    for area in AREAS.values():
        area.compiled()
    statuses = []
    with ThreadPoolExecutor(jobs(request.machine)) as pool:
        futures = [pool.submit(_search, name, request, told, stop) for name in request.kernels]
        try:
            for future in as_completed(futures):
                found = future.result()
                statuses.append(found.status)
                done(found)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return max(statuses)


def _search(name: str, request: Request, told: Told, stop: threading.Event) -> Search:
    made_from = commit()
    try:
        kernel = find_kernel(name, lambda how: told(name, how), stop=stop)
        if stop.is_set():
            return Search(name, "stopped")
        guest = run(
            kernel,
            request.command,
            results=[RECORD, KEPT],
            files=request.files,
            machine=request.machine,
            timeout=inf,
            told=lambda how: told(name, how),
            stop=stop,
        )
    except InputError as error:
        return Search(name, str(error))
    problem = ""
    if guest.status is None:
        problem = guest.ending.value
    elif guest.status not in (0, 1) or guest.stderr:  # Python, too, ends with 1 if it fails
        last = (guest.stderr.strip().splitlines() or ["it said nothing"])[-1]
        problem = f"exit status {guest.status}: {last}"
    return Search(name, problem, guest, made_from)
