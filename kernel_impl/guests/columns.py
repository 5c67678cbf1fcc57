# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The pages on several kernels, side by side: as many guests at once as the machine carries."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from kernel_impl.guests.guest import GuestResult, run
from kernel_impl.guests.kernels import find_kernel
from kernel_impl.guests.machine import Machine
from spec.errors import InputError
from spec.testing import evidence
from spec.testing.build import Build
from spec.testing.folder import own_pages, read_pages
from spec.testing.reports import document
from spec.testing.result import Report

EVIDENCE = "evidence.json"
SHARED_MIB = 512
"""What a guest takes of this machine's memory beside its own."""


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    kernels: Sequence[str]
    expression: str | None = None
    jobs: int = 0
    timeout: float = 0.0
    machine: Machine = field(default_factory=Machine)
    newest: bool = False


@dataclass(frozen=True)
class Column:
    """One kernel's account of the pages, or why there is none."""

    title: str
    problem: str = ""
    guest: GuestResult | None = None
    report: Report | None = None

    @property
    def status(self) -> int:
        """As ``xdpspec check`` ends; 3 where there was no report."""
        return 3 if self.report is None else self.report.status


Told = Callable[[str, str], None]
"""Hears a kernel's title and how it is getting on."""


def columns(
    request: Request, told: Told, stop: threading.Event, done: Callable[[Column], None]
) -> list[Column]:
    """Run the pages on every kernel; each column is *done* as soon as it is there.

    Raises ``InputError`` for pages that can't be run. When *stop* is set, guests end.
    """
    for page in read_pages(own_pages()):
        Build(page).everything()
    found: dict[str, Column] = {}
    with ThreadPoolExecutor(request.jobs or jobs(request.machine)) as pool:
        futures = [pool.submit(_column, name, request, told, stop) for name in request.kernels]
        try:
            for future in as_completed(futures):
                column = future.result()
                found[column.title] = column
                done(column)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [found[name] for name in request.kernels]


def jobs(machine: Machine) -> int:
    """How many such guests this machine carries: one for each core, if there is memory."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return max(1, min(len(os.sched_getaffinity(0)), free // (machine.memory + SHARED_MIB)))


def _column(name: str, request: Request, told: Told, stop: threading.Event) -> Column:
    arguments = ["check", "--json"]
    if request.expression is None:
        arguments += ["--evidence", EVIDENCE]
    else:
        arguments += ["-k", request.expression]
    try:
        kernel = find_kernel(name, lambda how: told(name, how), request.newest, stop)
        if stop.is_set():
            return Column(name, "stopped")
        guest = run(
            kernel,
            arguments,
            results=[EVIDENCE],
            machine=request.machine,
            timeout=request.timeout,
            told=lambda how: told(name, how),
            stop=stop,
        )
    except InputError as error:
        return Column(name, str(error))
    if guest.status is None:
        return Column(name, guest.ending.value, guest)
    try:
        return Column(name, guest=guest, report=document.read(guest.stdout))
    except (ValueError, KeyError):
        return Column(name, _reason(guest), guest)


def _reason(guest: GuestResult) -> str:
    """Why the command in the guest made no report."""
    try:
        return str(json.loads(guest.stdout)["error"])
    except (ValueError, KeyError):
        last = (guest.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"exit status {guest.status}: {last}"


def write_evidence(column: Column, folder: Path) -> Path | None:
    """Write what the guest saw into *folder*; ``None`` if the file there says the same already."""
    if column.guest is None or EVIDENCE not in column.guest.files:
        return None
    seen = json.loads(column.guest.files[EVIDENCE])
    where = {key: seen[key] for key in ("engine", "release", "kernel", "machine")}
    path = evidence.own_file(folder, where)
    root = folder if (folder.parent.parent / "pyproject.toml").exists() else None
    before = evidence.read_evidence(path)
    text = evidence.evidence_text(before, where, seen["examples"], root)
    if text is None:
        return None
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(str(path), f"can't be written: {error.strerror}", "make room") from None
    return path
