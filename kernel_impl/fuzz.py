# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec fuzz``: what it takes, what it prints, how it ends."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from kernel_impl.comparing import DIFFERENCE, ENDS, compares
from kernel_impl.ending import INTERRUPTED, MISSING, USAGE, complain
from kernel_impl.progress import LISTENER

if TYPE_CHECKING:
    from kernel_impl.fuzzing import Found, Request
    from spec.testing.differential.campaign import Result

NAME = "fuzz"
STEPS = {"maps": 200_000, "redirect": 30_000, "programs": 1_000}
"""In each area where nobody says how many: about half a minute on two processors.

These are the areas that there are. To import them all takes as long as some commands run.
"""
KEPT_AS = "Kept as "

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


def _part(_: click.Context, __: click.Parameter, value: str) -> tuple[int, int]:
    """``3/10``, the third of ten: its place, counted from 0, and how many there are."""
    own, ___, parts = value.partition("/")
    if not (own.isdigit() and parts.isdigit() and 1 <= int(own) <= int(parts)):
        raise click.BadParameter(f"{value!r}: write 3/10 for the third of ten")
    return int(own) - 1, int(parts)


@click.command(epilog=ENDS)
@click.option("--steps", type=click.IntRange(1), help="Steps in each area.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Or time in each area.")
@click.option("--seed", type=click.IntRange(0), help="Same seed, same run. Default: a random one.")
@click.option(
    "--area", type=click.Choice([*STEPS, "all"]), default="all", help="What to search (all)."
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes. Default: one for each processor; one in a guest.",
)
@click.option(
    "--part",
    default="1/1",
    metavar="K/N",
    callback=_part,
    help="Only the K-th of N parts of the sessions, as 3/10: for N machines with one seed.",
)
@compares
@click.option(
    "--record", metavar="FILE", type=_FILE, help="Append a line of JSON about each campaign."
)
@click.option(
    "--mutations",
    is_flag=True,
    help="Break the model on purpose, one way after the other, and say how soon that is noticed.",
)
@click.option(
    "--keep", metavar="FOLDER", type=_FOLDER, help="Write a difference there, for `xdpspec replay`."
)
def fuzz(
    steps: int | None,
    minutes: float | None,
    seed: int | None,
    area: str,
    workers: int | None,
    part: tuple[int, int],
    against: str,
    kernels: tuple[str, ...],
    kvm: bool,
    record: Path | None,
    keep: Path | None,
    mutations: bool,
) -> None:
    """Look for anything that the model does otherwise than the kernel.

    Draws step after step at random, valid, borderline and absurd ones, does each in both, and
    compares results, errors, events, frames, counters and contents. The first difference is made
    small and printed as a short Python program and as a fragment of a page. Nothing of yours is
    touched: everything happens in network namespaces of the run's own.
    """
    from kernel_impl import fuzzing
    from spec.errors import InputError
    from spec.testing.differential.campaign import Limits
    from spec.testing.replace import check_writable

    if steps and minutes:
        raise click.UsageError("--steps and --minutes: choose one")
    if kernels and (against != fuzzing.KERNEL or mutations):
        raise click.UsageError("--on: without --against and --mutations")
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    names = tuple(STEPS) if area == "all" else (area,)
    limits = Limits(steps, minutes * 60 if minutes else None, part)
    request = fuzzing.Request(limits, seed, workers or 0, against)
    try:
        fuzzing.check(request)
        if record:
            check_writable(record)
    except InputError as error:
        complain(NAME, str(error), USAGE)
    if kernels:
        from kernel_impl.guests.search_command import search

        sys.exit(search(request, area, kernels, kvm, record, keep))
    for problem in fuzzing.lacking(request):
        complain(NAME, problem, MISSING)
    status = 0
    for name in names:
        try:
            if mutations:
                status = max(status, _break(request, name))
            else:
                status = max(status, _search(request, name, record, keep))
        except KeyboardInterrupt:
            complain(NAME, "interrupted", INTERRUPTED)
    sys.exit(status)


def _search(request: Request, name: str, record: Path | None, keep: Path | None) -> int:
    from kernel_impl import fuzzing
    from spec.testing.differential.corpus import case_text

    if request.limits.steps is None and request.limits.seconds is None:
        limits = request.limits._replace(steps=STEPS[name])
        request = request._replace(limits=limits)
    with _progress(request, name) as told:
        result = fuzzing.search(request, name, told)
    click.echo(_summary(result))
    found = None
    try:
        if result.failed:
            found = fuzzing.explain(request, result, _shrinking())
    finally:
        if record:
            with record.open("a", encoding="utf-8") as file:
                file.write(fuzzing.record_line(request, result, found))
    if found is None:
        return 0
    click.echo(_told(found))
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        path = keep / f"{name}_{result.seed}_{found.session}.json"
        path.write_text(case_text(found.failure), encoding="utf-8")
        click.echo(f"{KEPT_AS}{path}")
    return DIFFERENCE


def _break(request: Request, name: str) -> int:
    """Status 1 if anything went unnoticed."""
    from kernel_impl import fuzzing

    status = 0
    for noticed in fuzzing.break_on_purpose(request, name):
        mutation = noticed.mutation
        end = f"noticed after {noticed.steps:,} steps, {noticed.seconds:.1f} s"
        if not noticed.difference:
            status, end = DIFFERENCE, f"NOT NOTICED in {noticed.steps:,} steps"
        click.echo(f"{name:9} {mutation.name:27} {end:40} {mutation.sentence}")
    return status


def _summary(result: Result) -> str:
    rate = result.steps / result.seconds if result.seconds else 0
    outcome = "a difference" if result.failed else "no difference"
    amounts = {"steps": result.steps, **result.counted, "sessions": result.sessions}
    amount = ", ".join(f"{count:,} {what}" for what, count in amounts.items())
    return (
        f"{result.area}: {outcome} in {amount}, "
        f"{result.seconds:.1f} s ({rate:,.0f} steps/s), seed {result.seed}"
    )


def _told(found: Found) -> str:
    steps = len(found.failure.steps)
    if not found.came_again:
        return (
            f"\nSession {found.session}, {steps} steps, which did not lead to it again: a matter "
            f"of time, or of this machine's load.\n\n{found.failure.difference}"
        )
    return "\n".join(
        (
            "",
            f"Session {found.session}, {steps} step{'s' * (steps != 1)} after leaving out what "
            "does not matter:",
            "",
            str(found.failure.difference),
            "",
            "---- a program that shows it ----",
            "",
            found.program,
            "---- a fragment for a page ----",
            "",
            found.page,
        )
    )


@contextmanager
def _progress(request: Request, name: str) -> Iterator[Callable[[int], None]]:
    """A bar with the rate, where somebody sees it; or a line for who asked for it."""
    if listener := os.environ.get(LISTENER):
        with Path(listener).open("w", encoding="utf-8") as lines:
            yield _lines(request, name, lines)
        return
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    began, done = time.monotonic(), 0
    limits = request.limits
    length = limits.steps or int(limits.seconds or 0)

    def rate(_: object) -> str:
        return f"{done / max(1e-9, time.monotonic() - began):,.0f} steps/s"

    with click.progressbar(
        length=length, label=name, file=sys.stderr, item_show_func=rate, show_eta=True
    ) as bar:

        def told(steps: int) -> None:
            nonlocal done
            done += steps
            now = done if limits.steps else int(time.monotonic() - began)
            bar.update(max(0, min(now, length) - bar.pos), now)

        yield told


def _lines(request: Request, name: str, lines: TextIO) -> Callable[[int], None]:
    done, of = 0, f"/{request.limits.steps:,}" if request.limits.steps else ""

    def told(steps: int) -> None:
        nonlocal done
        done += steps
        print(f"{done:,}{of} {name}", file=lines, flush=True)

    return told


def _shrinking() -> Callable[[int], None]:
    """Say how small it has become, where somebody sees it."""
    if listener := os.environ.get(LISTENER):
        return lambda steps: _write(Path(listener), f"making it small: {steps} steps")
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda steps: click.echo(f"\rMaking it small: {steps} steps  ", err=True, nl=False)


def _write(path: Path, line: str) -> None:
    with path.open("w", encoding="utf-8") as lines:
        print(line, file=lines, flush=True)
