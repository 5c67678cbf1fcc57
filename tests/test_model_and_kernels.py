# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The model of each recorded release says of every example what that kernel said.

Examples that have changed since are left out here: the strict build names them.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

import spec
from spec.release import NEWEST, OLDEST, number
from spec.testing.engine import Engine
from spec.testing.evidence import read_evidence
from spec.testing.folder import own_pages, read_pages
from spec.testing.workers import Task, run_tasks

pytestmark = pytest.mark.model
EVIDENCE = Path(__file__).parent.parent / "docs/evidence"
FIVE = {"5.10", "6.1", "6.12", "6.18", "7.2"}


def records() -> list[Path]:
    """Those of kernels that the model can be."""
    found = []
    for path in sorted(EVIDENCE.glob("*.json")):
        record = read_evidence(path)
        modelled = number(OLDEST) <= number(record.get("release", "0")) <= number(NEWEST)
        if record.get("engine") == "kernel" and modelled:
            found.append(path)
    return found


def test_five_kernels_are_recorded() -> None:
    assert {read_evidence(path)["release"] for path in records()} >= FIVE


@pytest.mark.parametrize("path", records(), ids=lambda path: path.stem)
def test_the_model_of_a_release_agrees_with_its_kernel(path: Path) -> None:
    record = read_evidence(path)
    release = record["release"]
    engine = Engine("model", partial(spec.ModelLab, release), lambda: None)
    tasks = [Task(page, page.examples) for page in read_pages(own_pages())]
    modelled = {
        (result.page, result.name, result.account["sha256"]): result.account["outcome"]
        for result in run_tasks(tasks, engine, release, lambda _: None)
    }
    seen = {
        (entry["page"], entry["name"], entry["sha256"]): entry["outcome"]
        for entry in record["examples"]
    }
    current = seen.keys() & modelled.keys()
    assert current, "none of the examples is as it was when this kernel ran them"
    assert {key: seen[key] for key in current} == {key: modelled[key] for key in current}
