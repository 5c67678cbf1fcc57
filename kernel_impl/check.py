# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec check``: what it takes, what it prints, how it ends."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernel_impl.ending import INTERRUPTED, MISSING, USAGE, ended_by_signals
from kernel_impl.progress import progress

if TYPE_CHECKING:
    from spec.testing.result import Report

WIDE = 1000
"""Columns where nobody looks at them."""

_OUTPUT = click.Path(dir_okay=True, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class CheckCommand(click.Command):
    """Tells of wrong options as JSON where JSON was asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        as_json = "-j" in args or "--json" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if not as_json:
                raise
            from spec.testing.reports import document

            click.echo(document.error([error.format_message()], USAGE))
            ctx.exit(USAGE)


@click.command(
    cls=CheckCommand,
    epilog="Exit status: 0 all holds, 1 something differs, 2 wrong usage, 3 this machine lacks "
    "something (it says what, and what helps), 4 nothing could be told.",
)
@click.option(
    "--engine",
    type=click.Choice(["kernel", "model"]),
    default="kernel",
    help="Ask the running kernel (default), or the reference model, which needs no root.",
)
@click.option("--release", metavar="X.Y", help="Which Linux the model is to be, as 5.10.")
@click.option(
    "-k",
    "expression",
    metavar="EXPR",
    help="Only rules and examples whose name matches, as 'devmap and not hash'.",
)
@click.option("-j", "--json", "as_json", is_flag=True, help="JSON on standard output, errors too.")
@click.option("--ktap", "as_ktap", is_flag=True, help="KTAP on standard output, for kselftest.")
@click.option("--junit", metavar="FILE", type=_OUTPUT, help="Also write JUnit XML, for CI.")
@click.option(
    "--html",
    metavar="FILE",
    type=_OUTPUT,
    help="Also write a report that can be attached to a bug report: one HTML file.",
)
@click.option(
    "--evidence",
    metavar="FILE",
    type=_OUTPUT,
    help="Also write what was seen, in the form that docs/evidence/ collects.",
)
@click.option(
    "--label",
    metavar="TEXT",
    default="",
    help="Name this kernel in its evidence, beside others of the same release, as 'el10'.",
)
@click.option(
    "--pages",
    metavar="FOLDER",
    type=_FOLDER,
    help="Run the pages of this folder instead of those that came with xdpspec.",
)
@click.pass_context
def check(
    context: click.Context,
    engine: str,
    release: str | None,
    expression: str | None,
    as_json: bool,
    as_ktap: bool,
    junit: Path | None,
    html: Path | None,
    evidence: Path | None,
    label: str,
    pages: Path | None,
) -> None:
    """Does your kernel do what the pages say?

    Runs every example of every page on the running kernel and says of each rule whether it holds,
    differs (with what was expected and what was seen), is not in this release, or can't be told
    here and why. Nothing of yours is touched: devices live in network namespaces of the run's own,
    and nothing is pinned or left behind. Needs root; what else it needs, it says.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False
    files = {"junit": junit, "html": html, "evidence": evidence}
    wanted = {kind: path for kind, path in files.items() if path}
    form = "json" if as_json else "ktap" if as_ktap else "text"
    try:
        with ended_by_signals():
            if as_json and as_ktap:
                problem = "--ktap: --json wants standard output as well; choose one"
                _print(_refusal([problem], USAGE, form))
                sys.exit(USAGE)
            asked: dict[str, Any] = {"engine": engine, "release": release, "folder": pages}
            asked |= {"expression": expression, "files": wanted, "label": label}
            status = _run(asked, form)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        status = INTERRUPTED
    sys.exit(status)


def _run(asked: Mapping[str, Any], form: str) -> int:
    """Make the run that was *asked* for and print what came of it; the exit status."""
    from kernel_impl import checking

    try:
        request = checking.Request(**asked)
        tasks = checking.prepare(request)
        with progress("Running the pages", sum(len(task.examples) for task in tasks)) as told:
            report = checking.perform(request, tasks, told)
    except checking.NotPossibleError as error:
        _print(_refusal(error.problems, error.status, form))
        return error.status
    _print(_told(report, form))
    return report.status


def _told(report: Report, form: str) -> Iterator[str]:
    from spec.testing.reports import document, ktap, text

    if form == "json":
        yield document.text(report)
    elif form == "ktap":
        yield from ktap.lines(report)
    else:
        wide = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDE
        yield from text.lines(report, wide)


def _refusal(problems: list[str], status: int, form: str) -> Iterator[str]:
    """What replaces the report on standard output; the problems themselves go to people."""
    from spec.testing.reports import document, ktap

    if form == "json":
        yield document.error(problems, status)
        return
    for problem in problems:
        click.echo(f"xdpspec check: {problem}", err=True)
    if form == "ktap":
        yield from ktap.nothing(problems[0])


def _print(lines: Iterator[str]) -> None:
    """To standard output; one line and status 3 if it can't take it."""
    try:
        for line in lines:
            click.echo(line)
    except BrokenPipeError:
        raise  # click's business: whoever read has seen enough
    except OSError as error:
        click.echo(f"xdpspec check: standard output: {error.strerror}; make room", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to flush
        sys.exit(MISSING)
