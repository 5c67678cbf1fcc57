# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What runs recorded about the examples of the pages: ``docs/evidence/<engine>-<release>.json``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from spec.errors import InputError

ENGINES = ("model", "kernel")
"""Every example is meant to run on each of these."""


class Outcome(StrEnum):
    """What is known about an example on one engine and release."""

    HELD = "held"
    FAILED = "failed"
    STALE = "stale"
    """The example changed after it ran."""
    ABSENT = "not in this release"
    """The rule is not about this release of Linux."""
    NOT_RUN = "not run here"


@dataclass(frozen=True)
class Result:
    """How one example fared in a run; ``sha256`` is the digest of the text that ran."""

    sha256: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True)
class Run:
    """One evidence file: every example of every page on one engine and release."""

    engine: str
    release: str
    kernel: str = ""
    machine: str = ""
    date: str = ""
    commit: str = ""
    results: Mapping[tuple[str, str], Result] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.engine} {self.release}".rstrip()

    @property
    def recorded(self) -> bool:
        """Whether there is a file at all."""
        return bool(self.release)

    def outcome(self, page: str, name: str, sha256: str) -> Outcome:
        """What this run says about an example whose text now has the digest *sha256*."""
        result = self.results.get((page, name))
        if result is None:
            return Outcome.NOT_RUN
        if result.outcome == "skipped":
            absent = result.reason.startswith(Outcome.ABSENT)
            return Outcome.ABSENT if absent else Outcome.NOT_RUN
        if result.sha256 != sha256:
            return Outcome.STALE
        return Outcome.HELD if result.outcome == "held" else Outcome.FAILED

    def reason(self, page: str, name: str) -> str:
        """Why the example failed or was skipped, where the run says so."""
        result = self.results.get((page, name))
        return result.reason if result else ""

    def describe(self) -> str:
        """Where and when, in one line."""
        if not self.recorded:
            return f"No run on the {self.engine} is recorded"
        subject = f"Linux {self.kernel or self.release}"
        if self.engine != "kernel":
            subject = f"Reference {self.engine} of Linux {self.release}"
        commit = f"commit {self.commit[:12]}" if self.commit else ""
        return ", ".join(part for part in (subject, self.machine, self.date, commit) if part)


def read_runs(folder: Path) -> list[Run]:
    """Every run recorded in *folder*, and an empty one for an engine without any.

    The model comes first, then kernels from old to new.
    """
    runs = [_read_run(path) for path in sorted(folder.glob("*.json"))]
    missing = set(ENGINES) - {run.engine for run in runs}
    runs += [Run(engine, "") for engine in missing]
    return sorted(runs, key=_order)


def stamp(runs: Iterable[Run], page: str) -> str:
    """A text that changes whenever what is shown on *page* changes."""
    return repr(
        [
            (run.describe(), [item for item in run.results.items() if item[0][0] == page])
            for run in runs
        ]
    )


def tally(outcomes: Iterable[Outcome]) -> str:
    """``"71 held, 1 not run here"``."""
    counts = Counter(outcomes)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])


def _order(run: Run) -> tuple[int, list[int], str]:
    engine = ENGINES.index(run.engine) if run.engine in ENGINES else len(ENGINES)
    return engine, [int(part) for part in run.release.split(".") if part.isdigit()], run.name


def _read_run(path: Path) -> Run:
    remedy = "run the pages again, which rewrites it"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        results = {
            (example["page"], example["name"]): Result(
                example["sha256"], example["outcome"], example.get("reason", "")
            )
            for example in record["examples"]
        }
        facts = {key: str(record.get(key, "")) for key in ("kernel", "machine", "date", "commit")}
        return Run(record["engine"], record["release"], **facts, results=results)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"evidence/{path.name}", f"not JSON: {error}", remedy) from error
    except (KeyError, TypeError) as error:
        raise InputError(f"evidence/{path.name}", f"lacks {error}", remedy) from error
