# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec guests``: what it takes, what it prints, how it ends."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kernel_impl.ending import INTERRUPTED, MISSING, ended_by_signals

if TYPE_CHECKING:
    from kernel_impl.guests.columns import Column

WIDE = 1000
"""Columns where nobody looks at them."""


@click.command(
    epilog="Exit status: 0 all holds, 1 something differs, 2 wrong usage, 3 this machine lacks "
    "something or a guest made no report (it says why), 4 nothing could be told.",
)
@click.argument("kernels", nargs=-1, metavar="[RELEASE | VMLINUZ]...")
@click.option("-k", "expression", metavar="EXPR", help="Only what matches, as in `xdpspec check`.")
@click.option(
    "--evidence",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Write what was seen here. In the project, docs/evidence unless -k is given.",
)
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    help="Guests at once. Without it, as many as cores and memory allow.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    default=300,
    show_default=True,
    help="End a guest that takes longer.",
)
@click.option(
    "--memory",
    metavar="MIB",
    type=click.IntRange(min=512),
    default=1024,
    show_default=True,
    help="Memory of a guest.",
)
@click.option("--kvm", is_flag=True, help="Use KVM. Where it doesn't work, guests hang.")
@click.option("--newest", is_flag=True, help="Ask the archive again for kernels already kept.")
@click.pass_context
def guests(
    context: click.Context,
    kernels: tuple[str, ...],
    expression: str | None,
    evidence: Path | None,
    jobs: int | None,
    timeout: float,
    memory: int,
    kvm: bool,
    newest: bool,
) -> None:
    """Run the pages on other kernels than this machine's.

    Boots each kernel in a virtual machine of its own and runs `xdpspec check` there. Without
    arguments: 5.10, 6.1, 6.12 and 7.2. A release is taken from the package archive that apt is
    configured for, and kept in the user's cache; any other kernel is given by the path of its
    vmlinuz, with its modules in /lib/modules or beside it. Needs QEMU, and no root.
    """
    from kernel_impl.guests import columns, tools
    from kernel_impl.guests.kernels import RELEASES, is_release
    from kernel_impl.guests.machine import Machine
    from kernel_impl.guests.progress import Progress
    from spec.errors import InputError

    if os.environ.get("NO_COLOR"):
        context.color = False
    wanted = list(dict.fromkeys(kernels)) or list(RELEASES)
    problems = tools.lacking([name for name in wanted if is_release(name)])
    if problems:
        _refuse(problems)
    if evidence is not None and expression is not None:
        raise click.UsageError("--evidence: is about whole pages; leave out -k")
    if evidence is None and expression is None:
        evidence = project_evidence()
    request = columns.Request(
        wanted, expression, jobs or 0, timeout, Machine(memory, kvm=kvm), newest
    )
    progress = Progress(wanted, sys.stderr)
    stop = threading.Event()

    def done(column: Column) -> None:
        progress.told(column.title, "done" if column.report else column.problem)

    try:
        with ended_by_signals():
            found = columns.columns(request, progress.told, stop, done)
        progress.clear()
        for line in _told(found):
            click.echo(line)
        for column in found:
            if evidence and (path := columns.write_evidence(column, evidence)):
                click.echo(f"written: {path}")
    except InputError as error:
        _refuse([str(error)])
    except KeyboardInterrupt:
        click.echo("interrupted; no guest is left", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(_status(found))


def project_evidence() -> Path | None:
    """``docs/evidence`` of the project whose pages are run; ``None`` outside of it."""
    from spec.testing.folder import INSTALLED, own_pages

    pages = own_pages()
    folder = pages / "evidence"
    return None if pages.is_relative_to(INSTALLED) or not folder.is_dir() else folder


def _told(found: list[Column]) -> Iterator[str]:
    """What differs, at length; what became of guests without a report; then a line for each."""
    from spec.testing.reports import text

    wide = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDE
    for column in found:
        if column.report and column.report.status == 1:
            yield click.style(f"Linux {column.report.kernel}", bold=True)
            yield from text.differences(column.report, wide)
            yield ""
        elif column.report is None and column.guest:
            yield click.style(f"{column.title}: {column.problem}; its last lines:", bold=True)
            yield from (f"  {line}" for line in column.guest.console)
            yield from (f"  {line}" for line in column.guest.stderr.splitlines())
            yield ""
    width = max(len(column.title) for column in found)
    for column in found:
        yield f"{column.title:{width}}  {_summary(column)}"


def _summary(column: Column) -> str:
    from spec.testing.reports import text

    if column.report is None or column.guest is None:
        return click.style(column.problem, fg="red")
    spent = f"{column.guest.seconds:.0f} s, {column.guest.boot_seconds:.0f} of them booting"
    return f"{text.summary(column.report)} ({column.guest.release}, {spent})"


def _status(found: list[Column]) -> int:
    """The worst: no report, then a difference, then nothing that could be told."""
    statuses = {column.status for column in found}
    return next((status for status in (3, 1) if status in statuses), min(statuses))


def _refuse(problems: list[str]) -> None:
    for problem in problems:
        click.echo(f"xdpspec guests: {problem}", err=True)
    sys.exit(MISSING)
