# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ``xdpspec check`` does between reading its options and printing."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import kernel_impl
import spec
from kernel_impl.ending import MISSING, USAGE
from kernel_impl.preflight import compilers, lacking
from kernel_impl.release import kernel as running_kernel
from kernel_impl.release import release as running_release
from kernel_impl.version import version
from spec.errors import InputError
from spec.release import DEFAULT, Release
from spec.testing import evidence
from spec.testing.blocks import Page
from spec.testing.engine import Engine
from spec.testing.folder import INSTALLED, own_pages, read_pages
from spec.testing.replace import check_writable, replace_files
from spec.testing.reports import junit, page
from spec.testing.result import Report, Result
from spec.testing.selection import selection
from spec.testing.workers import Task, run_tasks


class NotPossibleError(Exception):
    """There is no report: *problems*, one line each, say why."""

    def __init__(self, status: int, problems: Sequence[str]) -> None:
        super().__init__(status, problems)
        self.status, self.problems = status, list(problems)


@dataclass(frozen=True)
class Request:
    """What was asked for; ``files`` are the paths for ``junit``, ``html`` and ``evidence``."""

    engine: str = "kernel"
    release: str | None = None
    expression: str | None = None
    folder: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    label: str = ""
    """What evidence calls this kernel and machine, beside the release."""


def prepare(request: Request) -> list[Task]:
    """The pages and examples to run; NotPossibleError for what was asked for wrongly, or here."""
    try:
        tasks = _tasks(request)
    except InputError as error:
        raise NotPossibleError(USAGE, [str(error)]) from None
    problems = list(lacking(request.engine))
    if problems:
        raise NotPossibleError(MISSING, problems)
    return tasks


def perform(request: Request, tasks: list[Task], told: Callable[[Result], None]) -> Report:
    """Run *tasks*, each result being *told* at once, and write the files asked for."""
    engine, release = _engine(request)
    began = time.monotonic()
    try:
        results = run_tasks(tasks, engine, release, told)
        report = Report(
            engine.name,
            release,
            engine.kernel,
            platform.machine(),
            datetime.now(UTC).date().isoformat(),
            version(),
            time.monotonic() - began,
            tuple(results),
            compilers() | {"Python": platform.python_version()},
        )
        replace_files(_texts(request, report, tasks[0].page))
    except InputError as error:
        raise NotPossibleError(MISSING, [str(error)]) from None
    return report


def _tasks(request: Request) -> list[Task]:
    if request.engine == "kernel" and request.release:
        remedy = "add --engine model, or leave it out"
        raise InputError("--release", "the running kernel has a release of its own", remedy)
    Release(request.release or DEFAULT)
    if request.expression is not None and "evidence" in request.files:
        raise InputError("--evidence", "is about whole pages", "leave out -k")
    if request.label and "evidence" not in request.files:
        raise InputError("--label", "is for evidence", "add --evidence FILE")
    for path in request.files.values():
        check_writable(path)
    pages = read_pages(request.folder or own_pages())
    if request.expression is None:
        return [Task(page, page.examples) for page in pages]
    return _selected(pages, request.expression)


def _selected(pages: list[Page], expression: str) -> list[Task]:
    wanted = selection(expression)
    tasks = [
        Task(page, tuple(e for e in page.examples if wanted(f"{page.title}::{e.name}")))
        for page in pages
    ]
    found = [task for task in tasks if task.examples]
    if not found:
        names = [example.name for page in pages for example in page.examples]
        near = get_close_matches(expression, names, n=3, cutoff=0.5)
        remedy = f"close are {', '.join(near)}" if near else "the pages show the names"
        raise InputError(f"-k {expression!r}", "selects nothing", remedy)
    return found


def _engine(request: Request) -> tuple[Engine, str]:
    """The engine and the release that it stands for."""
    if request.engine == "model":
        release = request.release or DEFAULT
        return Engine("model", partial(spec.ModelLab, release), lambda: None), release
    return (
        Engine("kernel", kernel_impl.KernelLab, kernel_impl.missing, running_kernel()),
        running_release(),
    )


def _texts(request: Request, report: Report, any_page: Page) -> dict[Path, str]:
    texts: dict[Path, str] = {}
    for kind, path in request.files.items():
        if kind == "junit":
            texts[path] = junit.text(report)
        elif kind == "html":
            texts[path] = page.text(report)
        else:
            where = evidence.place(report.engine, report.release, report.kernel, request.label)
            accounts = [result.account for result in report.results]
            root = None if any_page.root == INSTALLED else any_page.root
            text = evidence.evidence_text(evidence.read_evidence(path), where, accounts, root)
            if text is not None:
                texts[path] = text
    return texts
