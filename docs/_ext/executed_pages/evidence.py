# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What runs recorded about the examples of the pages: the files of ``docs/evidence/``.

Each file is a column, told from others by engine, release, machine and label. Where there are
several of one release, their names say in which of these they differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from spec.errors import InputError
from spec.testing.evidence import OUTCOMES, checked, column

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
    """One evidence file: every example of every page on one engine, release and machine."""

    engine: str
    release: str
    kernel: str = ""
    machine: str = ""
    label: str = ""
    date: str = ""
    commit: str = ""
    results: Mapping[tuple[str, str], Result] = field(default_factory=dict)
    file: str = ""
    distinction: str = ""
    """What tells it from other runs of the same engine and release, if there are any."""

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.engine, self.release, self.distinction)))

    @property
    def recorded(self) -> bool:
        """Whether there is a file at all."""
        return bool(self.release)

    def outcome(self, page: str, name: str, sha256: str) -> Outcome:
        """What this run says about an example whose text now has the digest *sha256*."""
        result = self.results.get((page, name))
        if result is None:
            return Outcome.NOT_RUN
        if result.sha256 != sha256:
            return Outcome.STALE
        if result.outcome == "skipped":
            absent = result.reason.startswith(Outcome.ABSENT)
            return Outcome.ABSENT if absent else Outcome.NOT_RUN
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
        parts = subject, self.label, self.machine, self.date, commit
        return ", ".join(part for part in parts if part)


def read_runs(folder: Path) -> tuple[list[Run], list[InputError]]:
    """Every run recorded in *folder*, an empty one for an engine without any, and what is wrong.

    The model comes first, then kernels from old to new. Files that can't be used are left out.
    """
    runs: dict[tuple[str, ...], Run] = {}
    problems = []
    for path in sorted(folder.glob("*.json")):
        try:
            about, run = _read_run(path)
            if about in runs:
                problem = f"about the same release, machine and label as {runs[about].file}"
                remedy = "keep the newer, or run one again with --label"
                raise InputError(f"evidence/{path.name}", problem, remedy)
            runs[about] = run
        except InputError as error:
            problems.append(error)
    missing = set(ENGINES) - {run.engine for run in runs.values()}
    shown = [*_distinguished(list(runs.values())), *(Run(engine, "") for engine in missing)]
    return sorted(shown, key=_order), problems


def disagreeing(runs: Iterable[Run], run: Run, page: str, name: str, sha256: str) -> list[Run]:
    """Those of *runs* about the same engine and release that saw the opposite."""
    opposite = {Outcome.HELD: Outcome.FAILED, Outcome.FAILED: Outcome.HELD}
    wanted = opposite.get(run.outcome(page, name, sha256))
    return [
        other
        for other in runs
        if (other.engine, other.release) == (run.engine, run.release)
        and other.outcome(page, name, sha256) is wanted
    ]


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


def _distinguished(runs: list[Run]) -> list[Run]:
    """*runs*, each with what tells it from the others of its engine and release."""
    found = []
    for run in runs:
        same = [each for each in runs if (each.engine, each.release) == (run.engine, run.release)]
        facts = [(each.machine, each.label) for each in same]
        differing = [len(set(values)) > 1 for values in zip(*facts, strict=True)]
        own = zip((run.machine, run.label), differing, strict=True)
        found.append(replace(run, distinction=" ".join(fact for fact, differs in own if differs)))
    return found


def _read_run(path: Path) -> tuple[tuple[str, ...], Run]:
    """The column that the file is about, and the run."""
    record = checked(path)
    where, again = f"evidence/{path.name}", "run the pages again, which rewrites it"
    try:
        results = {
            (example["page"], example["name"]): Result(
                example["sha256"], example["outcome"], example.get("reason", "")
            )
            for example in record["examples"]
        }
    except (KeyError, TypeError, AttributeError):
        problem = "an example lacks its page, name, sha256 or outcome"
        raise InputError(where, problem, again) from None
    odd = {result.outcome for result in results.values()} - set(OUTCOMES)
    if odd:
        raise InputError(where, f"no outcome {min(odd)!r}", again)
    keys = ("kernel", "machine", "label", "date", "commit")
    facts = {key: str(record.get(key, "")) for key in keys}
    run = Run(str(record["engine"]), str(record["release"]), **facts, results=results,
              file=path.name)  # fmt: skip
    return column(record), run
