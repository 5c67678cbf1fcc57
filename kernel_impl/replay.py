# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec replay``: cases that a search has kept, once more."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kernel_impl.comparing import DIFFERENCE, ENDS, compares
from kernel_impl.ending import INTERRUPTED, MISSING, USAGE, complain
from kernel_impl.progress import progress

if TYPE_CHECKING:
    from kernel_impl.fuzzing import Request
    from spec.testing.differential.corpus import Case
    from spec.testing.differential.shrink import Failure

NAME = "replay"

_CASE = click.Path(exists=True, path_type=Path)


@click.command(epilog=ENDS)
@click.argument("cases", nargs=-1, required=True, type=_CASE, metavar="FILE|FOLDER...")
@compares
def replay(cases: tuple[Path, ...], against: str, kernels: tuple[str, ...], kvm: bool) -> None:
    """Do again, step by step, what a search has found.

    Takes cases that `xdpspec fuzz --keep` has written, or folders of them, and says of each whether
    the model and the kernel still differ, and at which step.
    """
    from kernel_impl import fuzzing
    from spec.errors import InputError
    from spec.testing.differential.campaign import Limits

    if kernels and against != fuzzing.KERNEL:
        raise click.UsageError("--on: without --against")
    request = fuzzing.Request(Limits(), 0, 1, against)
    try:
        fuzzing.check(request)
        files = list(_files(cases))
        wanted = [_read(file) for file in files]
    except InputError as error:
        complain(NAME, str(error), USAGE)
    if kernels:
        from kernel_impl.guests.machine import Machine
        from kernel_impl.guests.search import Request as GuestRequest
        from kernel_impl.guests.search_command import in_guests

        names, files = list(dict.fromkeys(kernels)), [file.resolve() for file in files]
        command = [NAME, *map(str, files)]
        sys.exit(in_guests(GuestRequest(names, command, Machine(kvm=kvm), files), "cases"))
    for problem in fuzzing.lacking(request):
        complain(NAME, problem, MISSING)
    try:
        sys.exit(_replay(request, wanted))
    except KeyboardInterrupt:
        complain(NAME, "interrupted", INTERRUPTED)


def _files(cases: Sequence[Path]) -> Iterator[Path]:
    from spec.errors import InputError
    from spec.testing.differential.corpus import case_files

    for path in cases:
        files = case_files(path) if path.is_dir() else [path]
        if not files:
            raise InputError(str(path), "no case in it", "give a folder that fuzz --keep wrote to")
        yield from files


def _read(file: Path) -> Case:
    from spec.testing.differential.areas import AREAS
    from spec.testing.differential.corpus import area_of, read_case

    case = read_case(file)
    area_of(case, AREAS)
    return case


def _replay(request: Request, cases: Sequence[Case]) -> int:
    """The exit status."""
    from kernel_impl.fuzzing import KERNEL, pairs
    from kernel_impl.release import release as running_release
    from spec.release import Release, change
    from spec.testing.differential.areas import AREAS
    from spec.testing.differential.corpus import area_of
    from spec.testing.differential.shrink import replay as done_again

    engines, differing, outcomes = pairs(request.against), 0, []
    running = Release(running_release()) if request.against == KERNEL else None
    with progress("cases", len(cases)) as told:
        for case in cases:
            if running is None or case.is_comparable(running):
                found = done_again(area_of(case, AREAS), engines(0), case.steps)
                differing += found is not None
                outcomes.append(_told(found))
            else:
                outcomes.append(f"not compared before {change(case.needs).release}")
            told(case)
    width = max(len(case.name) for case in cases)
    for case, outcome in zip(cases, outcomes, strict=True):
        click.echo(f"{case.name:{width}}  {outcome}")
    amount = f"{len(cases)} case{'s' * (len(cases) != 1)}"
    click.echo(f"{amount}, {differing or 'none'} with a difference")
    return DIFFERENCE if differing else 0


def _told(failure: Failure | None) -> str:
    if failure is None:
        return "no difference"
    lines = str(failure.difference).splitlines()
    return "\n    ".join((f"a difference at step {len(failure.steps)}", *lines))
