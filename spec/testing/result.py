# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What became of one example, and of all of them, in the words of a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from spec.testing.blocks import Kind
from spec.testing.evidence import reason
from spec.testing.outcome import Blocked, Failed, Failure, Held, OtherRelease, Outcome


class Verdict(Enum):
    """What a run can say of an example."""

    HOLDS = "holds"
    DIFFERS = "differs"
    OTHER_RELEASE = "not in this release"
    CANT_TELL = "can't tell here"

    @property
    def key(self) -> str:
        """The same for programs: ``cant_tell``."""
        return self.name.lower()


@dataclass(frozen=True)
class Result:
    """One example of a page, and what became of it."""

    page: str
    name: str
    kind: Kind
    line: int
    sentence: str
    """What a rule says, as it is written; empty for anything else."""

    outcome: Outcome
    account: Mapping[str, str]
    """What evidence says of it."""

    seconds: float = 0.0

    @property
    def title(self) -> str:
        return f"{self.page}::{self.name}"

    @property
    def verdict(self) -> Verdict:
        match self.outcome:
            case Held():
                return Verdict.HOLDS
            case Blocked():
                return Verdict.CANT_TELL
            case Failed():
                return Verdict.DIFFERS
            case OtherRelease():
                return Verdict.OTHER_RELEASE
        return Verdict.CANT_TELL

    @property
    def reason(self) -> str:
        """Why it does not hold, in one line."""
        prefix = f"{self.verdict.value}: "
        return reason(self.outcome).removeprefix(prefix)

    @property
    def failures(self) -> tuple[Failure, ...]:
        return self.outcome.failures if isinstance(self.outcome, Failed) else ()


@dataclass(frozen=True)
class Report:
    """A whole run: where it took place and every result, in the order of the pages."""

    engine: str
    release: str
    kernel: str
    machine: str
    date: str
    version: str
    """Of this project."""

    seconds: float
    results: tuple[Result, ...]
    tools: Mapping[str, str] = field(default_factory=dict)
    """What the examples were built with: names and versions."""

    @property
    def system(self) -> str:
        """What was asked, in words."""
        if self.engine == "model":
            return f"the reference model of Linux {self.release}"
        return f"Linux {self.kernel} ({self.machine})"

    @property
    def rules(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.kind == "rule")

    @property
    def others(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.kind != "rule")

    @property
    def pages(self) -> dict[str, list[Result]]:
        """The results of each page."""
        found: dict[str, list[Result]] = {}
        for result in self.results:
            found.setdefault(result.page, []).append(result)
        return found

    @property
    def status(self) -> int:
        """The exit status: 0 holds, 1 differs, 4 nothing could be told."""
        counted = count(self.results)
        if counted[Verdict.DIFFERS]:
            return 1
        return 0 if counted[Verdict.HOLDS] else 4


def count(results: Iterable[Result]) -> Counter[Verdict]:
    """How many results have each verdict."""
    return Counter(result.verdict for result in results)
