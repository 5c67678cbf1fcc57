# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The plan for tmt is sound, and evidence of many machines comes home side by side."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from spec.testing.evidence import digest
from tests.fleet.__main__ import PLAN, bring_home, find_tmt


@pytest.mark.skipif(find_tmt() is None, reason="tmt is not here; .ci/run installs it and lints")
def test_tmt_finds_nothing_wrong_with_the_plan() -> None:
    done = subprocess.run(
        [str(find_tmt()), "--root", str(PLAN), "lint"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass P002" in done.stdout
    assert "pass T002" in done.stdout


def test_without_a_wheel_the_test_says_what_builds_it(tmp_path: Path) -> None:
    shutil.copy(PLAN / "check.sh", tmp_path)
    done = subprocess.run(
        ["./check.sh"],
        cwd=tmp_path,
        env={"TMT_TEST_DATA": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert done.stdout == (
        "no wheel in tests/fleet/wheel: run `python -m tests.fleet`, which builds it\n"
    )


def evidence(run: Path, machine: str, label: str) -> None:
    """What the test leaves of one guest."""
    record = {
        "engine": "kernel",
        "release": "6.12",
        "kernel": "6.12.9",
        "machine": machine,
        "label": label,
        "examples": [],
    }
    data = run / f"plan/execute/data/guest/{machine}{label}/check-1/data"
    data.mkdir(parents=True)
    (data / "evidence.json").write_text(json.dumps({"digest": digest(record), **record}))


def test_evidence_of_each_guest_has_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, home = tmp_path / "run", tmp_path / "evidence"
    home.mkdir()
    for machine, label in (("x86_64", "fedora 41"), ("aarch64", "fedora 41"), ("x86_64", "")):
        evidence(run, machine, label)
    broken = run / "plan/execute/data/guest/broken/check-1/data"
    broken.mkdir(parents=True)
    (broken / "evidence.json").write_text("{}")
    bring_home(run, home)
    assert sorted(path.name for path in home.iterdir()) == [
        "kernel-6.12-aarch64-fedora-41.json",
        "kernel-6.12-x86_64-fedora-41.json",
        "kernel-6.12-x86_64.json",
    ]
    assert capsys.readouterr().err.endswith("data/evidence.json: not evidence\n")
