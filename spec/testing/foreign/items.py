# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Other people's pages as pytest sees them: an item for each block."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import ExceptionInfo, TerminalRepr

from spec.errors import InputError
from spec.lab import Lab
from spec.testing.engine import Engine
from spec.testing.foreign.judge import PageJudge
from spec.testing.foreign.tree import ForeignPage
from spec.testing.foreign.verdict import UNTOLD, Judgement
from spec.testing.items import told_at

TOLD, ADDED = "verdict", "completed"
"""Names of an item's properties, in JUnit too."""


class JudgedError(Exception):
    """A block is not what it should be."""

    def __init__(self, judgement: Judgement) -> None:
        super().__init__(judgement.told)
        self.judgement = judgement


class ForeignTree(pytest.Collector):
    """A folder that was named by ``--pages``; its blocks share a lab."""

    pages: list[ForeignPage]
    engine: Engine
    lab: Lab

    @classmethod
    def of(
        cls,
        session: pytest.Session,
        place: Path,
        pages: list[ForeignPage],
        engine: Engine,
    ) -> ForeignTree:
        tree: ForeignTree = cls.from_parent(session, name=str(place), nodeid=str(place))
        tree.pages, tree.engine = pages, engine
        return tree

    def collect(self) -> Iterable[pytest.Collector]:
        for page in self.pages:
            yield ForeignPageFile.of(self, page)

    def setup(self) -> None:
        self.lab = self.engine.open()

    def teardown(self) -> None:
        self.lab.close()


class ForeignPageFile(pytest.File):
    """One page of the tree."""

    page: ForeignPage
    tree: ForeignTree

    @classmethod
    def of(cls, tree: ForeignTree, page: ForeignPage) -> ForeignPageFile:
        nodeid = page.path.as_posix()
        file: ForeignPageFile = cls.from_parent(tree, path=page.path, nodeid=nodeid)
        file.tree, file.page = tree, page
        return file

    def collect(self) -> Iterable[pytest.Item]:
        judge = PageJudge(self.page)
        for number in range(len(judge.blocks)):
            yield BlockItem.of(self, judge, number)


class BlockItem(pytest.Item):
    """One block."""

    judge: PageJudge
    number: int
    tree: ForeignTree

    @classmethod
    def of(cls, file: ForeignPageFile, judge: PageJudge, number: int) -> BlockItem:
        block = judge.blocks[number]
        name = f"{block.line}-{block.name or judge.kinds[number].value.replace(' ', '-')}"
        item: BlockItem = cls.from_parent(file, name=name)
        item.judge, item.number, item.tree = judge, number, file.tree
        return item

    def runtest(self) -> None:
        try:
            compiled = self.judge.compile(self.number)
        except InputError as error:  # there is no compiler
            pytest.fail(str(error), pytrace=False)
        judgement = self.judge.judge(self.number, compiled, self.tree.lab)
        self.user_properties.append((TOLD, judgement.told))
        if judgement.loaded:
            self.user_properties.append(("loaded", judgement.loaded))
        if judgement.failed:
            raise JudgedError(judgement)
        if judgement.verdict in UNTOLD:
            reason = f"{judgement.verdict.value}: {judgement.message}"
            raise pytest.skip.Exception(reason, _use_item_location=True)
        if judgement.additions:
            self.user_properties.append((ADDED, judgement.additions))

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        line = self.judge.blocks[self.number].line
        return self.path, line - 1, f"{self.judge.page.title}:{line} {self.name}"

    def repr_failure(
        self, excinfo: ExceptionInfo[BaseException], style: Any = None
    ) -> str | TerminalRepr:
        if not isinstance(excinfo.value, JudgedError):
            return super().repr_failure(excinfo, style)
        judgement = excinfo.value.judgement
        return told_at(str(self.path), judgement.at, judgement.told)
