# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Failures of the past as JSON files: each is done again in every run of the tests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from spec.errors import InputError
from spec.release import Release, change
from spec.testing.differential.area import Area
from spec.testing.differential.shrink import Failure
from spec.testing.differential.step import Step


class Case(NamedTuple):
    """A list of steps that once told two engines apart."""

    name: str
    area: str
    found: str
    """What differed, and since when it does not any more."""
    steps: tuple[Step, ...]
    needs: str = ""
    """A change of ``spec/changes/`` without which what comes of the steps is a matter of time."""

    def is_comparable(self, release: Release) -> bool:
        """Whether the steps always come to the same on a kernel of *release*."""
        return not self.needs or release.has(self.needs)


def case_files(folder: Path) -> list[Path]:
    """The files of the cases in *folder*, by name."""
    return sorted(folder.glob("*.json"))


def read_corpus(folder: Path) -> Iterator[Case]:
    """Every case in *folder*, by name."""
    return map(read_case, case_files(folder))


def read_case(path: Path) -> Case:
    """The case in one file."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        steps = tuple(Step.from_json(step) for step in written["steps"])
        needs = written.get("needs", "")
        if needs:
            change(needs)  # fails if there is none of that name
        return Case(path.stem, written["area"], written["found"], steps, needs)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(str(path), f"not a case: {error}", "write it with --keep") from None


def case_text(failure: Failure) -> str:
    """The file that keeps *failure*."""
    steps = ",\n    ".join(json.dumps(step.as_json()) for step in failure.steps)
    area, found = json.dumps(failure.area.name), json.dumps(str(failure.difference))
    return f'{{\n  "area": {area},\n  "found": {found},\n  "steps": [\n    {steps}\n  ]\n}}\n'


def area_of(case: Case, areas: Mapping[str, Area]) -> Area:
    """The area of *case*."""
    try:
        return areas[case.area]
    except KeyError:
        known = ", ".join(areas)
        raise InputError(case.name, f"no area {case.area!r}", f"one of {known}") from None
