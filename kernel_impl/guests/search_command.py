# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec fuzz --on``: what it prints, records and keeps."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from kernel_impl import fuzz, fuzzing
from kernel_impl.ending import INTERRUPTED, MISSING, ended_by_signals
from kernel_impl.guests import search as searches
from kernel_impl.guests import tools
from kernel_impl.guests.kernels import is_release
from kernel_impl.guests.machine import CPUS, Machine
from kernel_impl.guests.progress import Progress
from kernel_impl.guests.search import Search
from spec.errors import InputError


def search(
    request: fuzzing.Request,
    area: str,
    kernels: Sequence[str],
    kvm: bool,
    record: Path | None,
    keep: Path | None,
) -> int:
    """Search *area* in guests with *kernels*; the exit status."""
    wanted = list(dict.fromkeys(kernels))
    problems = tools.lacking([name for name in wanted if is_release(name)])
    problems += fuzzing.compilers_lacking()
    if problems:
        for problem in problems:
            click.echo(f"xdpspec fuzz: {problem}", err=True)
        return MISSING
    progress, stop = Progress(wanted, sys.stderr, "steps"), threading.Event()

    def done(found: Search) -> None:
        progress.told(found.title, found.problem or "done")
        progress.clear()
        for line in _told(found):
            click.echo(line)
        if record:
            with record.open("a", encoding="utf-8") as file:
                file.writelines(found.records())
        for name, content in found.cases() if keep else ():
            assert keep is not None
            keep.mkdir(parents=True, exist_ok=True)
            (keep / name).write_bytes(content)
            click.echo(f"{fuzz.KEPT_AS}{keep / name}")

    asked = searches.Request(wanted, list(_arguments(request, area)), Machine(kvm=kvm))
    try:
        with ended_by_signals():
            return searches.search(asked, progress.told, stop, done)
    except InputError as error:
        click.echo(f"xdpspec fuzz: {error}", err=True)
        return MISSING
    except KeyboardInterrupt:
        click.echo("xdpspec fuzz: interrupted; no guest is left", err=True)
        return INTERRUPTED


def _arguments(request: fuzzing.Request, area: str) -> Iterator[str]:
    """*request* for the command in a guest."""
    limits = request.limits
    own, parts = limits.part
    yield from ("--area", area, "--seed", str(request.seed), "--part", f"{own + 1}/{parts}")
    yield from ("--workers", str(request.workers or CPUS))
    if limits.steps:
        yield from ("--steps", str(limits.steps))
    if limits.seconds:
        yield from ("--minutes", str(limits.seconds / 60))


def _told(found: Search) -> Iterator[str]:
    """What the command in the guest said, or what became of it."""
    guest = found.guest
    release = guest.release if guest and guest.release else found.title
    yield click.style(f"Linux {release}", bold=True)
    if guest:
        lines = guest.stdout.splitlines()
        yield from (line for line in lines if not line.startswith(fuzz.KEPT_AS))
    if found.problem:
        yield click.style(f"{found.problem}; its last lines:" if guest else found.problem, fg="red")
        for line in (*guest.console, *guest.stderr.splitlines()) if guest else ():
            yield f"  {line}"
