# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec fuzz --on``: what is asked of guests, and what of it comes home."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kernel_impl.command import main
from kernel_impl.guests import tools
from kernel_impl.guests.machine import hardware
from kernel_impl.version import commit
from tests.guests import install_pretender

pytestmark = pytest.mark.skipif(hardware() is None, reason="guests are not made for this machine")

RELEASE = "6.1"


def fuzz(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["fuzz", *arguments])


@pytest.fixture
def image(tmp_path: Path) -> str:
    path = tmp_path / "vmlinuz-own"
    path.write_bytes(b"no kernel")
    return str(path)


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What comes home of a search that has found something."""
    install_pretender(tmp_path, monkeypatch, "success")
    found = {
        "status": "1",
        "stdout": "maps: a difference in 7 steps\nKept as kept/maps_5_0.json\n",
        "stderr": "",
        "files/campaigns.jsonl": json.dumps({"area": "maps", "steps": 7, "commit": ""}) + "\n",
        "files/kept/maps_5_0.json": "the case",
    }
    monkeypatch.setenv("BROUGHT_HOME", json.dumps(found))
    return found


def test_a_difference_comes_home_with_its_case_and_record(
    image: str, tmp_path: Path, brought: dict[str, str]
) -> None:
    record, keep = tmp_path / "record.jsonl", tmp_path / "cases"
    for _ in range(2):
        done = fuzz("--on", image, "--area", "maps", "--record", str(record), "--keep", str(keep))
        assert done.exit_code == 1
    kept = keep / "vmlinuz-own_maps_5_0.json"
    assert done.stdout.splitlines() == [
        "Linux 6.12.99-pretended",
        "maps: a difference in 7 steps",
        f"Kept as {kept}",
    ]
    assert kept.read_text() == brought["files/kept/maps_5_0.json"]
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert lines == [{"area": "maps", "steps": 7, "commit": commit()}] * 2


@pytest.mark.usefixtures("brought")
def test_without_keep_nothing_is_kept(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Kept as" not in fuzz("--on", image, "--area", "maps").stdout
    assert not list(tmp_path.glob("**/*.json"))


def test_a_guest_that_tells_nothing_is_status_3_and_shows_its_last_lines(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_pretender(tmp_path, monkeypatch, "panic")
    done = fuzz("--on", image, "--area", "maps")
    assert done.exit_code == 3
    assert "kernel panic; its last lines:\n  Linux version of a pretender" in done.stdout


def test_a_search_that_could_not_be_made_says_why(
    image: str, brought: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    brought |= {"status": "3", "stdout": "", "stderr": "xdpspec fuzz: no BPF\n"}
    monkeypatch.setenv("BROUGHT_HOME", json.dumps(brought))
    done = fuzz("--on", image)
    assert done.exit_code == 3
    assert "exit status 3: xdpspec fuzz: no BPF" in done.stdout


@pytest.mark.parametrize("others", [("--against", "model"), ("--mutations",)])
def test_guests_compare_the_model_with_their_kernel(others: tuple[str, ...]) -> None:
    done = fuzz("--on", "6.1", *others)
    assert done.exit_code == 2
    assert "--on" in done.stderr


def test_a_kernel_that_can_not_be_had_is_named(tmp_path: Path) -> None:
    if lacking := tools.lacking([]):
        pytest.skip("; ".join(lacking))
    done = fuzz("--on", str(tmp_path / "vmlinuz"))
    assert done.exit_code == 3
    assert "is neither a release such as 6.12 nor a kernel's file" in done.stdout


def test_every_area_is_searched_in_a_guest_as_it_is_here() -> None:
    """For real: no area wants a compiler that is not there, and the release is the kernel's."""
    if lacking := tools.lacking([RELEASE]):
        pytest.skip("; ".join(lacking))
    done = fuzz("--on", RELEASE, "--steps", "20", "--seed", "1", "--workers", "1")
    if "configured for an archive" in done.stdout or "no suite" in done.stdout:
        pytest.skip(done.stdout)
    assert done.exit_code == 0, done.stdout
    for area in ("maps", "redirect", "programs"):
        assert f"{area}: no difference in 20 steps" in done.stdout
