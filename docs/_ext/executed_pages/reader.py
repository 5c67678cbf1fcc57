# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The page as it is run, in the form that the site keeps."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from executed_pages.domain import Example, Page
from spec.testing import page as runner


class Statement(NamedTuple):
    """One ``>>>`` statement and the example it belongs to."""

    example: str
    source: str
    line: int


def read(path: Path, docs: Path) -> tuple[Page, list[Statement]]:
    """The page at *path* below *docs*, and its statements in the order of the text.

    Raises ``InputError`` for whatever could not be run.
    """
    page = runner.read_page(path, root=docs.parent)
    examples = {
        example.name: Example(
            example.name,
            "uapi" if example.uapi else example.kind,
            example.line,
            example.digest,
            len(example.statements),
            example.needs,
        )
        for example in page.examples
    }
    statements = [
        Statement(step.example.name, step.statement.source, step.statement.line)
        for step in page.steps
        if step.statement is not None
    ]
    return Page(page.title, examples, _files(page)), statements


def _files(page: runner.Page) -> dict[str, str]:
    files = {f"{page.stem}.bpf.c": page.bpf_source(), f"{page.stem}.c": page.user_source()}
    files |= {f"{name}.bpf.c": page.object_source(name) for name in page.objects}
    return {name: source for name, source in files.items() if source}
