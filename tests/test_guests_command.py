# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec guests``: exit statuses, what it prints, the evidence it writes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kernel_impl.command import main
from kernel_impl.guests.guest import Ending
from kernel_impl.guests.machine import hardware
from tests.guests import QEMU, install_pretender

pytestmark = pytest.mark.skipif(hardware() is None, reason="guests are not made for this machine")

EXAMPLE = {
    "page": "docs/page.rst",
    "name": "a.rule",
    "kind": "rule",
    "line": 3,
    "sentence": "It is so.",
    "sha256": "0",
    "seconds": 0.1,
}
HOLDS = EXAMPLE | {"verdict": "holds", "reason": "", "differences": []}
FAILURE = {
    "line": 5,
    "first": 5,
    "message": "expected 1, got 2",
    "source": ["1"],
    "expected": "1",
    "seen": "2",
    "details": [],
}
DIFFERS = EXAMPLE | {
    "verdict": "differs",
    "reason": "expected 1, got 2",
    "differences": [FAILURE],
}
ENTRY = {"page": "docs/page.rst", "name": "a.rule", "sha256": "0", "outcome": "held", "reason": ""}
PLACE = {"engine": "kernel", "release": "6.12", "kernel": "6.12.99", "machine": "x86_64"}


def home(status: int, *examples: object) -> dict[str, str]:
    """What a guest brings home after a check that ended with *status*."""
    report = {**PLACE, "date": "2026-01-01", "xdpspec": "0", "seconds": 1.0, "examples": examples}
    evidence = {**PLACE, "date": "2026-01-01", "commit": "", "examples": [ENTRY]}
    return {
        "status": str(status),
        "stdout": json.dumps(report),
        "stderr": "",
        "files/evidence.json": json.dumps(evidence),
    }


@pytest.fixture
def image(tmp_path: Path) -> str:
    path = tmp_path / "vmlinuz-own"
    path.write_bytes(b"no kernel")
    return str(path)


def guests(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: str,
    brought: dict[str, str],
    *arguments: str,
) -> Result:
    install_pretender(tmp_path, monkeypatch, behaviour)
    monkeypatch.setenv("BROUGHT_HOME", json.dumps(brought))
    (tmp_path / "evidence").mkdir(exist_ok=True)
    return CliRunner().invoke(main, ["guests", *arguments])


def test_a_kernel_that_holds_is_one_line_and_its_evidence_is_written(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "evidence"
    arguments = image, "--evidence", str(folder)
    result = guests(tmp_path, monkeypatch, "success", home(0, HOLDS), *arguments)
    assert result.exit_code == 0
    assert f"{image}  1 rule: 1 holds, 0 differ (6.12.99-pretended, " in result.stdout
    assert f"written: {folder / 'kernel-6.12.json'}" in result.stdout
    said = json.loads((folder / "kernel-6.12.json").read_text())
    assert said["examples"] == [ENTRY]
    assert said["kernel"] == "6.12.99"


def test_evidence_that_says_nothing_new_stays_as_it_is(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "evidence"
    arguments = image, "--evidence", str(folder)
    guests(tmp_path, monkeypatch, "success", home(0, HOLDS), *arguments)
    [path] = folder.iterdir()
    os.utime(path, (0, 0))
    result = guests(tmp_path, monkeypatch, "success", home(0, HOLDS), *arguments)
    assert "written" not in result.stdout
    assert path.stat().st_mtime == 0


def test_what_differs_is_shown_and_ends_with_1(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = guests(tmp_path, monkeypatch, "success", home(1, DIFFERS), image, "-k", "a.rule")
    assert result.exit_code == 1
    assert "differs  a.rule  expected 1, got 2" in result.stdout
    assert "1 rule: 0 hold, 1 differs" in result.stdout
    assert list((tmp_path / "evidence").iterdir()) == []


@pytest.mark.parametrize(
    ("behaviour", "ending"),
    [("panic", Ending.PANICKED), ("hang", Ending.HUNG), ("break off", Ending.BROKE_OFF)],
)
def test_a_guest_without_a_report_shows_its_last_lines_and_ends_with_3(
    image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: str,
    ending: Ending,
) -> None:
    arguments = image, "--timeout", "2", "-k", "a.rule"
    result = guests(tmp_path, monkeypatch, behaviour, {}, *arguments)
    assert result.exit_code == 3
    assert f"{image}: {ending.value}; its last lines:\n  Linux version" in result.stdout
    assert f"{image}  {ending.value}\n" in result.stdout


def test_a_check_that_could_not_be_made_says_why(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {
        "status": "3",
        "stdout": json.dumps({"error": "veth: no veth pair can be made", "status": 3}),
        "stderr": "",
    }
    result = guests(tmp_path, monkeypatch, "success", refused, image, "-k", "a.rule")
    assert result.exit_code == 3
    assert f"{image}  veth: no veth pair can be made" in result.stdout


def test_one_kernel_that_can_not_be_had_does_not_keep_the_others(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = "/nowhere/vmlinuz", image, "-k", "a.rule"
    result = guests(tmp_path, monkeypatch, "success", home(0, HOLDS), *arguments)
    assert result.exit_code == 3
    assert "neither a release such as 6.12 nor a kernel's file" in result.stdout
    assert "1 rule: 1 holds" in result.stdout


def test_everything_missing_is_named_with_the_one_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("apt-get",):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("kernel_impl.guests.tools.HELPER", str(tmp_path / "apt-get"))
    result = CliRunner().invoke(main, ["guests"])
    found = hardware()
    assert found is not None
    assert result.exit_code == 3
    assert result.stderr == (
        f"xdpspec guests: {QEMU} and dpkg-deb not found; "
        f"run `apt-get install {found.package} dpkg`\n"
    )


def test_without_apt_only_kernels_by_path_can_be_run(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_pretender(tmp_path, monkeypatch, "success")
    monkeypatch.setattr("kernel_impl.guests.tools.HELPER", "/nowhere")
    monkeypatch.setenv("BROUGHT_HOME", json.dumps(home(0, HOLDS)))
    result = CliRunner().invoke(main, ["guests", "6.12", "-k", "a.rule"])
    assert result.exit_code == 3
    assert "Linux 6.12: fetched with apt, which is not here; give kernels by path" in result.stderr
    assert CliRunner().invoke(main, ["guests", image, "-k", "a.rule"]).exit_code == 0


def test_evidence_is_about_whole_pages(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = image, "-k", "a.rule", "--evidence", str(tmp_path)
    assert guests(tmp_path, monkeypatch, "success", {}, *arguments).exit_code == 2
