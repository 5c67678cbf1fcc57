# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec fuzz --on`` and ``xdpspec replay --on``: what they print, record and keep."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from kernel_impl import fuzz, fuzzing
from kernel_impl.ending import INTERRUPTED, MISSING, ended_by_signals
from kernel_impl.guests import search as searches
from kernel_impl.guests import tools
from kernel_impl.guests.kernels import is_release
from kernel_impl.guests.machine import CPUS, Machine
from kernel_impl.guests.progress import Progress
from kernel_impl.guests.search import KEPT, RECORD, Search
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

    def done(found: Search) -> None:
        if record:
            with record.open("a", encoding="utf-8") as file:
                file.writelines(found.records())
        for name, content in found.cases() if keep else ():
            assert keep is not None
            keep.mkdir(parents=True, exist_ok=True)
            (keep / name).write_bytes(content)
            click.echo(f"{fuzz.KEPT_AS}{keep / name}")

    asked = searches.Request(
        kernels=list(dict.fromkeys(kernels)),
        command=["fuzz", *_arguments(request, area, kvm), "--record", RECORD, "--keep", KEPT],
        machine=Machine(kvm=kvm),
    )
    return in_guests(asked, "steps", done)


def in_guests(
    asked: searches.Request, things: str, also: Callable[[Search], None] = lambda _: None
) -> int:
    """Run what is *asked* and print what each guest said, then do what is *also* to be done."""
    command = f"xdpspec {asked.command[0]}"
    problems = tools.lacking([name for name in asked.kernels if is_release(name)])
    problems += fuzzing.compilers_lacking()
    if problems:
        for problem in problems:
            click.echo(f"{command}: {problem}", err=True)
        return MISSING
    progress, stop = Progress(asked.kernels, sys.stderr, things), threading.Event()

    def done(found: Search) -> None:
        progress.told(found.title, found.problem or "done")
        progress.clear()
        for line in _told(found):
            click.echo(line)
        also(found)

    try:
        with ended_by_signals():
            return searches.search(asked, progress.told, stop, done)
    except InputError as error:
        click.echo(f"{command}: {error}", err=True)
        return MISSING
    except KeyboardInterrupt:
        click.echo(f"{command}: interrupted; no guest is left", err=True)
        return INTERRUPTED


def _arguments(request: fuzzing.Request, area: str, kvm: bool) -> Iterator[str]:
    """*request* for the command in a guest, where emulated CPUs share one thread."""
    limits = request.limits
    own, parts = limits.part
    yield from ("--area", area, "--seed", str(request.seed), "--part", f"{own + 1}/{parts}")
    yield from ("--workers", str(request.workers or (CPUS if kvm else 1)))
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
