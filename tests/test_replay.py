# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec replay``: cases of the past, on this machine and in guests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kernel_impl.command import main
from kernel_impl.guests import tools
from kernel_impl.guests.machine import hardware
from tests.guests import install_pretender

CORPUS = Path(__file__).parent / "differential" / "corpus"
NAMES = sorted(path.stem for path in CORPUS.glob("*.json"))
RELEASE = "6.1"
needs_guests = pytest.mark.skipif(hardware() is None, reason="guests are not made for this machine")


def replay(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


def test_each_case_gets_a_line_and_all_of_them_a_sum() -> None:
    done = replay(CORPUS, "--against", "model")
    *cases, total = done.stdout.splitlines()
    assert [line.split(maxsplit=1) for line in cases] == [[name, "no difference"] for name in NAMES]
    assert total == f"{len(NAMES)} cases, none with a difference"
    assert done.exit_code == 0


def test_a_difference_is_shown_with_its_step(tmp_path: Path) -> None:
    case = tmp_path / "features.json"
    steps = [["tap", "eth2", 7], ["veth", "veth2", "peer2", 13]]
    case.write_text(json.dumps({"area": "redirect", "found": "", "steps": steps}))
    done = replay(case, "--against", "model:5.10")
    assert done.exit_code == 1
    name, difference, *sides, total = done.stdout.splitlines()
    assert name == "features  a difference at step 1"
    assert "xdp_features" in difference
    assert [side.split(":")[0].strip() for side in sides] == ["model", "kernel"]
    assert total == "1 case, 1 with a difference"


def test_what_is_no_case_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    broken, foreign = tmp_path / "broken.json", tmp_path / "foreign.json"
    broken.write_text("{")
    foreign.write_text(json.dumps({"area": "weather", "found": "", "steps": []}))
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, problem in (
        (broken, "not a case"),
        (foreign, "no area 'weather'"),
        (empty, "no case in it"),
        (tmp_path / "missing.json", "does not exist"),
    ):
        done = replay(CORPUS, path, "--against", "model")
        assert done.exit_code == 2
        assert not done.stdout
        assert path.stem in done.stderr
        assert problem in done.stderr


def test_guests_compare_with_their_own_kernel() -> None:
    done = replay(CORPUS, "--on", RELEASE, "--against", "model")
    assert (done.exit_code, "--on" in done.stderr) == (2, True)


@needs_guests
def test_what_a_guest_says_comes_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_pretender(tmp_path, monkeypatch, "success")
    said = {"status": "1", "stdout": "a case  a difference at step 2\n", "stderr": ""}
    monkeypatch.setenv("BROUGHT_HOME", json.dumps(said))
    image = tmp_path / "vmlinuz-own"
    image.write_bytes(b"no kernel")
    done = replay(CORPUS, "--on", image)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == ["Linux 6.12.99-pretended", said["stdout"].strip()]


@needs_guests
def test_what_was_found_here_is_settled_on_another_kernel() -> None:
    """For real: the model at that release does what its kernel does."""
    if lacking := tools.lacking([RELEASE]):
        pytest.skip("; ".join(lacking))
    done = replay(CORPUS, "--on", RELEASE)
    if "configured for an archive" in done.stdout or "no suite" in done.stdout:
        pytest.skip(done.stdout)
    assert done.exit_code == 0, done.stdout
    assert "thread_divides_what_is_sent_back  not compared before 6.15" in done.stdout
    assert f"{len(NAMES)} cases, none with a difference" in done.stdout
