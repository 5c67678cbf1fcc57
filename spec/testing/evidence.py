# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a run saw, as it is written down: one file for each engine and release."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spec.testing.blocks import Example
from spec.testing.engine import Engine
from spec.testing.outcome import Failed, Held, Outcome

KEYS = ("page", "name", "sha256", "outcome", "reason")
"""What evidence says of an example."""

Account = Mapping[str, str]


def account(
    engine: Engine, release: str, page: str, example: Example, outcome: Outcome
) -> dict[str, str]:
    """What evidence says of *example*, and of where it ran; strings travel between processes."""
    return {
        "engine": engine.name,
        "release": release,
        "kernel": engine.kernel,
        "page": page,
        "name": example.name,
        "sha256": example.digest,
        "outcome": word(outcome),
        "reason": reason(outcome),
    }


def word(outcome: Outcome) -> str:
    """*outcome* as evidence calls it."""
    if isinstance(outcome, Held):
        return "held"
    return "failed" if isinstance(outcome, Failed) else "skipped"


def reason(outcome: Outcome) -> str:
    """Why *outcome* is not "held", in one line."""
    if isinstance(outcome, Held):
        return ""
    return outcome.failures[0].message if isinstance(outcome, Failed) else outcome.reason


def place(engine: str, release: str, kernel: str) -> dict[str, str]:
    """Where a run took place; *kernel* is empty for a model, which is the same everywhere."""
    machine = platform.machine() if kernel else ""
    return {"engine": engine, "release": release, "kernel": kernel, "machine": machine}


def read_evidence(path: Path) -> dict[str, Any]:
    """What the file at *path* says; nothing, if it is not there or is something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and "examples" in found else {}


def evidence_text(
    before: Mapping[str, Any],
    where: Mapping[str, str],
    examples: Iterable[Account],
    root: Path | None,
) -> str | None:
    """The file that says *examples*; ``None`` if the one *before* says the same already.

    *root* is the project that the pages were taken from, if it was one.
    """
    entries = [{key: entry[key] for key in KEYS} for entry in examples]
    entries.sort(key=lambda entry: (entry["page"], entry["name"]))
    if before.get("examples") == entries and all(before.get(k) == v for k, v in where.items()):
        return None
    now = {"date": datetime.now(UTC).date().isoformat(), "commit": commit(root) if root else ""}
    return json.dumps({**where, **now, "examples": entries}, indent=1, ensure_ascii=False) + "\n"


def commit(root: Path) -> str:
    """The commit that the run started from; empty outside a git repository."""
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()
