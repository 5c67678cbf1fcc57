# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``.. bench-table::``: what ``nox -s bench`` measured, as it wrote it to ``docs/bench``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

from executed_pages.overview import table

HEADER = ("Measured", "Figure", "Goal", "Took", "Compared with", "Control")


class BenchTableDirective(SphinxDirective):
    """A table for each file, under a line about the machine."""

    has_content = False
    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir) / "bench"
        shown: list[nodes.Node] = []
        for path in sorted(folder.glob("*.json")):
            self.env.note_dependency(str(path))
            try:
                shown += _run(json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, KeyError, TypeError) as error:
                problem = f"{path.name}: not what `nox -s bench` writes ({error!r}); run it again"
                raise self.error(problem) from error
        return shown or [nodes.paragraph("", "Nothing was measured yet.")]


def _run(run: Mapping[str, Any]) -> Iterator[nodes.Node]:
    yield nodes.paragraph(
        "",
        f"Linux {run['kernel']} on {run['machine']} with {run['cpus']} CPUs, "
        f"Python {run['python']}, {run['date']}, commit {run['commit'] or '–'}:",
    )
    rows = [[[nodes.paragraph("", text)] for text in _cells(row)] for row in run["rows"]]
    yield table(HEADER, rows, ["bench"])


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    goal = row["goal"].replace("<=", "≤").replace(">=", "≥")
    if row["missing"]:
        return row["title"], "–", goal, f"not measured: {row['missing']}", "–", "–"
    control = "–"
    if row["control"] is not None:
        control = f"{row['control']} ns, drift {row['drift']}"
    compared = "–"
    if row["reference"]:
        compared = f"{row['reference']}: {_number(row['reference_value'])} {row['unit']}"
    took = f"{row['tested']}: {_number(row['value'])} {row['unit']}"
    met = "" if row["met"] else " (missed)"
    return row["title"], f"{_number(row['figure'])}{met}", goal, took, compared, control


def _number(value: float) -> str:
    return f"{value:,}"
