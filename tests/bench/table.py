# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The table as text for a terminal, and as the file that the documentation shows."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.row import Row

DIGITS = 2
"""All that is worth saying: the machine's own speed drifts by more."""


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """One line for each row, with the control beside it."""
    width = max(len(row.title) for row in rows)
    for row in rows:
        if row.missing or row.figure is None:
            yield f"{row.title:{width}}  {'–':>7}  {row.goal!s:7}  not measured: {row.missing}"
            continue
        met = "yes" if row.goal.met_by(row.figure) else "no"
        measured = f"{row.tested} {number(row.value)}"
        if row.reference:
            measured += f", {row.reference} {number(row.reference_value)}"
        line = f"{row.title:{width}}  {number(row.figure):>7}  {row.goal!s:7}  {met:3}"
        line += f"  {measured} {row.unit}"
        if row.control is not None:
            line += f"; control {number(row.control)} ns, drift {number(row.drift)}"
        yield line


def write(rows: Sequence[Row], folder: Path) -> Path:
    """Write ``<release>.json`` into *folder*, named after the machine's Linux."""
    kernel = platform.release().partition("-")[0]
    release = ".".join(kernel.split(".")[:2])
    run = {
        "release": release,
        "kernel": kernel,
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "rows": [_entry(row) for row in rows],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{release}.json"
    path.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def number(value: float | None) -> str:
    """*value* with two significant digits, never in scientific notation."""
    rounded = _rounded(value)
    return "–" if rounded is None else f"{rounded:,}"


def _rounded(value: float | None) -> float | int | None:
    if value is None:
        return None
    shown = float(f"{value:.{DIGITS}g}")
    return int(shown) if shown == int(shown) else shown


def _entry(row: Row) -> dict[str, Any]:
    return {
        "title": row.title,
        "tested": row.tested,
        "reference": row.reference,
        "unit": row.unit,
        "value": _rounded(row.value),
        "reference_value": _rounded(row.reference_value),
        "figure": _rounded(row.figure),
        "goal": str(row.goal),
        "met": row.figure is not None and row.goal.met_by(row.figure),
        "control": _rounded(row.control),
        "drift": _rounded(row.drift),
        "missing": row.missing,
    }


def _commit() -> str:
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    except OSError:
        return ""
    return done.stdout.strip()
