# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Pages and their examples as pytest sees them: one item for each example and engine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import (
    ExceptionInfo,
    ReprEntry,
    ReprExceptionInfo,
    ReprFileLocation,
    ReprTraceback,
    TerminalRepr,
)

from spec.errors import InputError
from spec.testing.blocks import Example
from spec.testing.build import Build
from spec.testing.engine import Engine
from spec.testing.evidence import account
from spec.testing.outcome import CannotTell, Failed, Failure, Skipped
from spec.testing.page import read_page
from spec.testing.runner import PageRun

MOST_SHOWN = 3
"""More failures of one example than this are only counted: most follow from the first."""


class ExampleError(Exception):
    """An example did not do what its page says."""

    def __init__(self, failures: tuple[Failure, ...]) -> None:
        super().__init__(failures[0].message)
        self.failures = failures


class PageFile(pytest.File):
    """A page. Its examples run on one engine after the other."""

    engines: tuple[Engine, ...]
    runs: dict[str, PageRun]

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, engines: tuple[Engine, ...]) -> PageFile:
        file: PageFile = cls.from_parent(parent, path=path)
        file.engines, file.runs = engines, {}
        return file

    def collect(self) -> Iterable[pytest.Item]:
        page = read_page(self.path, self.config.rootpath)
        build = Build(page)
        for engine in self.engines:
            self.runs[engine.name] = PageRun(page, engine, build)
            for example in page.examples:
                yield ExampleItem.of(self, example, self.runs[engine.name])

    def teardown(self) -> None:
        for run in self.runs.values():
            run.close()

    def repr_failure(
        self,
        excinfo: ExceptionInfo[BaseException],
        style: Any = None,  # noqa: ARG002
    ) -> str | TerminalRepr:
        if isinstance(excinfo.value, InputError):
            error = excinfo.value
            path, _, line = error.place.rpartition(":")
            return told_at(path, int(line), f"{error.problem}; {error.remedy}")
        return super().repr_failure(excinfo)


class ExampleItem(pytest.Item):
    """One example on one engine."""

    example: Example
    run: PageRun

    @classmethod
    def of(cls, parent: PageFile, example: Example, run: PageRun) -> ExampleItem:
        name = f"{example.name}[{run.engine.name}]"
        item: ExampleItem = cls.from_parent(parent, name=name)
        item.example, item.run = example, run
        item.add_marker(getattr(pytest.mark, run.engine.name))
        return item

    def setup(self) -> None:
        require(self.run.engine, self)

    def runtest(self) -> None:
        outcome = self.run.outcome(self.example)
        page, release = self.run.page.title, self.run.release
        told = account(self.run.engine, release, page, self.example, outcome)
        self.user_properties += told.items()
        if isinstance(outcome, Failed):
            raise ExampleError(outcome.failures)
        if isinstance(outcome, CannotTell) and self.config.getoption("demand_kernel"):
            pytest.fail(f"{self.run.engine.name}: {outcome.reason}", pytrace=False)
        if isinstance(outcome, Skipped):
            raise pytest.skip.Exception(outcome.reason, _use_item_location=True)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        page, line = self.run.page.title, self.example.line
        return self.path, line - 1, f"{page}:{line} {self.name}"

    def repr_failure(
        self, excinfo: ExceptionInfo[BaseException], style: Any = None
    ) -> str | TerminalRepr:
        if not isinstance(excinfo.value, ExampleError):
            return super().repr_failure(excinfo, style)
        failures = excinfo.value.failures
        title = self.run.page.title
        shown = [_entry(title, failure) for failure in failures[:MOST_SHOWN]]
        for entry in shown[1:]:
            entry.lines = ["", *entry.lines]
        rest = ", ".join(str(failure.line) for failure in failures[MOST_SHOWN:])
        extra = f"more failed at line {rest}" if rest else None
        return _repr(title, failures[0].line, failures[0].message, shown, extra)


def require(engine: Engine, item: pytest.Item) -> None:
    """Skip *item* if its engine is not there, or fail it if the engine was demanded."""
    missing = engine.missing()
    if missing is None:
        return
    reason = f"{engine.name}: {missing}"
    if item.config.getoption("demand_kernel"):
        pytest.fail(reason, pytrace=False)
    item.keywords["skip"] = True  # lets pytest fold a file's skips into one line
    raise pytest.skip.Exception(reason, _use_item_location=True)


def _entry(title: str, failure: Failure) -> ReprEntry:
    lines = []
    for number, text in enumerate(failure.excerpt, failure.first):
        lines.append(f"{'>' if number == failure.line else ' '}   {text}".rstrip())
    if failure.excerpt:
        details = failure.details or (failure.message,)
        lines += [f"E   {text}".rstrip() for text in details]
    differs = bool(failure.details) and failure.message.startswith("expected ")
    what = "output differs" if differs else failure.message
    place = ReprFileLocation(title, failure.line, what)
    return ReprEntry(lines, None, None, place, "value")


def told_at(path: str, line: int, message: str) -> TerminalRepr:
    """One line that says where and what."""
    place = ReprFileLocation(path, line, message)
    return _repr(path, line, message, [ReprEntry([], None, None, place, "value")], None)


def _repr(
    path: str, line: int, message: str, entries: list[ReprEntry], extra: str | None
) -> TerminalRepr:
    traceback = ReprTraceback(entries, extra, "value")
    return ReprExceptionInfo(
        reprcrash=ReprFileLocation(path, line, message), reprtraceback=traceback
    )
