# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes the evidence of a pytest run: ``docs/evidence/<engine>-<release>.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from spec.errors import InputError
from spec.testing.evidence import (
    KEYS,
    Account,
    evidence_text,
    is_at,
    own_file,
    place,
    read_evidence,
)
from spec.testing.page import read_page


class Recorder:
    """Gathers what became of each example, and at the end writes one file per engine and release.

    A file of another machine of the same release stays as it is.

    Only a page that ran from beginning to end on an engine is recorded.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.accounts: dict[tuple[str, str], dict[tuple[str, str], Account]] = {}
        self.troubles: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        account = {key: str(value) for key, value in report.user_properties}
        if report.when == "call" and {"engine", "release", *KEYS} <= account.keys():
            run = self.accounts.setdefault((account["engine"], account["release"]), {})
            run[account["page"], account["name"]] = account

    @pytest.hookimpl(tryfirst=True)  # before the terminal's summary, which tells of troubles
    def pytest_sessionfinish(self) -> None:
        for (engine, release), run in sorted(self.accounts.items()):
            complete = [page for page in sorted({page for page, _ in run}) if self._all(page, run)]
            if complete and release:
                self._write(engine, release, complete, run)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for trouble in self.troubles:
            terminalreporter.write_line(trouble, yellow=True)

    def _all(self, title: str, run: Mapping[tuple[str, str], Account]) -> bool:
        """Whether *run* knows every example of the page as its text is now."""
        path = self.root / title
        if not path.is_relative_to(self.folder.parent):
            return False
        try:
            page = read_page(path, self.root)
        except (InputError, OSError):
            return False
        return all(
            (title, example.name) in run and run[title, example.name]["sha256"] == example.digest
            for example in page.examples
        )

    def _write(
        self,
        engine: str,
        release: str,
        pages: list[str],
        run: Mapping[tuple[str, str], Account],
    ) -> None:
        where = place(engine, release, next(iter(run.values())).get("kernel", ""))
        path = own_file(self.folder, where)
        before = read_evidence(path)
        kept: list[Account] = []
        if is_at(before, where):
            kept = [
                entry
                for entry in before["examples"]
                if entry["page"] not in pages and (self.root / entry["page"]).exists()
            ]
        seen = [account for (page, _), account in run.items() if page in pages]
        text = evidence_text(before, where, kept + seen, self.root)
        if text is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            title = path.relative_to(self.root)
            self.troubles.append(f"evidence not written: {title}: {error.strerror}")
