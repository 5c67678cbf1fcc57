# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ``--pages`` adds to a pytest run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from spec.errors import InputError
from spec.testing.engine import Engine
from spec.testing.foreign.items import ADDED, ForeignTree
from spec.testing.foreign.judge import choose_engine
from spec.testing.foreign.tree import ForeignPage, read_tree

_CHOSEN = pytest.Config.ArgsSource.ARGS


class ForeignPages:
    """Collects the pages of *trees*, by themselves unless tests were named as well.

    Pytest's own collection never sees their folders: it would run any ``conftest.py`` there.
    """

    def __init__(
        self,
        config: pytest.Config,
        trees: Mapping[Path, list[ForeignPage]],
        engines: Sequence[Engine],
    ) -> None:
        self.trees, self.engine = trees, choose_engine(engines)
        if config.args_source is not _CHOSEN:
            config.args, config.args_source = [], _CHOSEN

    def pytest_report_header(self) -> str:
        where = f"{self.engine.name} {self.engine.kernel}".rstrip()
        return f"pages: {', '.join(map(str, self.trees))}; programs are loaded on the {where}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        for place, pages in self.trees.items():
            items += session.genitems(ForeignTree.of(session, place, pages, self.engine))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say of each block that is fine only once completed what it lacked."""
        lines = [
            f"{report.nodeid}: {added}"
            for report in terminalreporter.getreports("passed")
            if (added := dict(report.user_properties).get(ADDED))
        ]
        if lines:
            terminalreporter.section("fine once completed with")
            for line in lines:
                terminalreporter.line(line)


def read_places(places: Sequence[Path]) -> dict[Path, list[ForeignPage]]:
    """The pages of each of *places*; ``pytest.UsageError`` with a line for each that has none."""
    found, problems = {}, []
    for place in places:
        try:
            found[place] = read_tree(place.absolute())
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise pytest.UsageError(*problems)
    return found
