# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes down what a run saw: ``docs/evidence/<engine>-<release>.json``."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from spec.errors import InputError
from spec.testing.page import read_page

KEYS = ("page", "name", "sha256", "outcome", "reason")

Account = Mapping[str, str]


class Recorder:
    """Gathers what became of each example, and at the end writes one file per engine and release.

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
        path = self.folder / f"{engine}-{release}.json"
        before = _read(path)
        kernel = next(iter(run.values())).get("kernel", "")
        where = {
            "engine": engine,
            "release": release,
            "kernel": kernel,
            "machine": platform.machine() if kernel else "",
        }
        kept: list[dict[str, str]] = []
        if all(before.get(key) == value for key, value in where.items()):
            kept = [
                entry
                for entry in before["examples"]
                if entry["page"] not in pages and (self.root / entry["page"]).exists()
            ]
        seen = [
            {key: account[key] for key in KEYS}
            for (page, _), account in run.items()
            if page in pages
        ]
        examples = sorted(kept + seen, key=lambda entry: (entry["page"], entry["name"]))
        if before.get("examples") == examples and all(before[k] == v for k, v in where.items()):
            return
        now = {"date": datetime.now(UTC).date().isoformat(), "commit": _commit(self.root)}
        text = json.dumps({**where, **now, "examples": examples}, indent=1, ensure_ascii=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            place = path.relative_to(self.root)
            self.troubles.append(f"evidence not written: {place}: {error.strerror}")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and "examples" in found else {}


def _commit(root: Path) -> str:
    """The commit that the run started from; empty outside a git repository."""
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()
