# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a run saw, as it is written down: one file for each engine, release, machine and label."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spec.errors import InputError
from spec.testing.blocks import Example
from spec.testing.engine import Engine
from spec.testing.outcome import Failed, Held, Outcome

KEYS = ("page", "name", "sha256", "outcome", "reason")
"""What evidence says of an example."""
COLUMN = ("engine", "release", "machine", "label")
"""What tells one column of the site from another; a newer run of the same replaces it."""
OUTCOMES = ("held", "failed", "skipped")

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


def place(engine: str, release: str, kernel: str, label: str = "") -> dict[str, str]:
    """Where a run took place; *kernel* is empty for a model, which is the same everywhere.

    *label* tells it from others of the same release on the same kind of machine.
    """
    machine = platform.machine() if kernel else ""
    named = {"label": label} if label else {}
    return {"engine": engine, "release": release, "kernel": kernel, "machine": machine, **named}


def column(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Which column of the site *record*, or a place, belongs to."""
    return tuple(str(record.get(key, "")) for key in COLUMN)


def read_evidence(path: Path) -> dict[str, Any]:
    """What the file at *path* says; nothing, if it is not there or is no evidence."""
    try:
        return checked(path)
    except (OSError, InputError):
        return {}


def checked(path: Path) -> dict[str, Any]:
    """What the file at *path* says, if a run wrote it and nobody changed it; else ``InputError``.

    The digest in it is against slips, not against forgers.
    """
    where, again = f"evidence/{path.name}", "run the pages again, which rewrites it"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(where, f"not JSON: {error}", again) from None
    if not isinstance(record, dict) or not {*COLUMN[:2], "examples"} <= record.keys():
        raise InputError(where, "not evidence", "write it with `xdpspec check --evidence FILE`")
    if record.get("digest") != digest(record):
        raise InputError(where, "changed since a run wrote it", again)
    return record


def digest(record: Mapping[str, Any]) -> str:
    """The digest of everything that *record* says."""
    said = {key: value for key, value in record.items() if key != "digest"}
    text = json.dumps(said, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def own_file(folder: Path, where: Mapping[str, str]) -> Path:
    """The file of *folder* for a run at *where*: the one that has its column, or a new one."""
    for path in sorted(folder.glob("*.json")):
        if column(read_evidence(path)) == column(where):
            return path
    usual = folder / f"{where['engine']}-{where['release']}.json"
    if not read_evidence(usual):
        return usual
    return usual.with_stem(f"{usual.stem}-{where['machine']}")


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
    if before.get("examples") == entries and is_at(before, where):
        return None
    now = {"date": datetime.now(UTC).date().isoformat(), "commit": commit(root) if root else ""}
    record = {**where, **now, "examples": entries}
    return json.dumps({"digest": digest(record), **record}, indent=1, ensure_ascii=False) + "\n"


def is_at(record: Mapping[str, Any], where: Mapping[str, str]) -> bool:
    """Whether *record* is about that very kernel."""
    same_kernel = record.get("kernel") == where["kernel"]
    return same_kernel and column(record) == column(where)


def commit(root: Path) -> str:
    """The commit that the run started from; empty outside a git repository."""
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()
