# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec pages``: the C blocks of pages that know nothing of this project."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernel_impl.ending import INTERRUPTED, MISSING, USAGE, ended_by_signals
from kernel_impl.progress import progress

if TYPE_CHECKING:
    from spec.testing.engine import Engine
    from spec.testing.foreign.verdict import Judgement

WIDE = 1000
"""Columns where nobody looks at them."""


class _NotPossibleError(Exception):
    """There is nothing to report: *problems*, one line each, say why."""

    def __init__(self, status: int, problems: list[str]) -> None:
        super().__init__(status, problems)
        self.status, self.problems = status, problems


@click.command(
    epilog="Exit status: 0 all blocks are fine, 1 some are not, 2 wrong usage, 3 this machine "
    "lacks something (it says what, and what helps).",
)
@click.argument(
    "folders", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--engine",
    type=click.Choice(["kernel", "model"]),
    help="Load programs on the running kernel or on the reference model. Default: the kernel if "
    "it can be asked, else the model.",
)
@click.option("-j", "--json", "as_json", is_flag=True, help="JSON on standard output, errors too.")
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Also write places and verdicts, and none of the pages' text, as JSON.",
)
@click.pass_context
def pages(
    context: click.Context,
    folders: tuple[Path, ...],
    engine: str | None,
    as_json: bool,
    record: Path | None,
) -> None:
    """Do the C blocks of somebody else's pages compile and load?

    FOLDER is any tree of reST or Markdown pages: a kernel's Documentation/bpf, a wiki; or one page.
    Each C block is compiled as it is shown; if that fails, with the usual headers it lacks, then
    with those blocks of its page that it needs; what was added is said. Its maps are created and
    its XDP programs loaded. User-space code is compiled and never run. Nothing in FOLDER is
    changed.
    """
    from spec.testing.foreign import report

    if os.environ.get("NO_COLOR"):
        context.color = False
    try:
        with ended_by_signals():
            judgements, where = _judge(folders, engine, record)
    except _NotPossibleError as error:
        _refuse(error, as_json)
        sys.exit(error.status)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    status = int(any(judgement.failed for judgement in judgements))
    if as_json:
        click.echo(report.document(judgements, where, status))
    else:
        wide = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDE
        loaded = f"loaded on the {where['engine']}, Linux {where['release']}"
        for line in report.lines(judgements, len(where["pages"]), loaded, wide):
            click.echo(line)
    sys.exit(status)


def _judge(
    folders: tuple[Path, ...], engine: str | None, record: Path | None
) -> tuple[list[Judgement], dict[str, Any]]:
    """The judgements, and what there is to say of the run."""
    from kernel_impl.preflight import compilers, lacking
    from kernel_impl.version import version
    from spec.errors import InputError
    from spec.testing.foreign.judge import PageJudge, choose_engine
    from spec.testing.foreign.record import record_text
    from spec.testing.foreign.run import judge_pages
    from spec.testing.foreign.tree import read_trees
    from spec.testing.replace import check_writable, replace_files

    try:
        if record:
            check_writable(record)
        judges = [PageJudge(page) for page in read_trees(folders)]
    except InputError as error:
        raise _NotPossibleError(USAGE, [str(error)]) from None
    known = [each for each in engines() if engine in (None, each.name)]
    chosen = known[0] if engine else choose_engine(known)
    if problems := list(lacking(chosen.name)):
        raise _NotPossibleError(MISSING, problems)
    try:
        with (
            chosen.open() as lab,
            progress("Judging the blocks", sum(len(judge.blocks) for judge in judges)) as told,
        ):
            judgements = judge_pages(judges, lab, told)
            where: dict[str, Any] = {
                "engine": lab.engine,
                "release": lab.release,
                "date": datetime.now(UTC).date().isoformat(),
                "xdpspec": version(),
                **compilers(),
                "pages": [judge.page.title for judge in judges],
            }
        if record:
            text = record_text(judgements, where, record)
            replace_files({record: text} if text else {})
    except InputError as error:
        raise _NotPossibleError(MISSING, [str(error)]) from None
    except OSError as error:
        problem = f"{error.filename or 'cache'}: {error.strerror}; make room for it"
        raise _NotPossibleError(MISSING, [problem]) from None
    return judgements, where


def engines() -> tuple[Engine, ...]:
    """What can load programs: the running kernel, if it can be asked, and the model."""
    import kernel_impl
    import spec
    from spec.testing.engine import Engine

    kernel = os.uname().release.partition("-")[0]
    return (
        Engine("kernel", kernel_impl.KernelLab, cache(kernel_impl.missing), kernel),
        Engine("model", spec.ModelLab, lambda: None),
    )


def _refuse(error: _NotPossibleError, as_json: bool) -> None:
    if as_json:
        from spec.testing.reports import document

        click.echo(document.error(error.problems, error.status))
        return
    for problem in error.problems:
        click.echo(f"xdpspec pages: {problem}", err=True)
