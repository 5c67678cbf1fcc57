# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec check`` says of each rule what can be said, and ends with a status that says it all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from spec.testing.engine import Engine
from tests.check_command import CRASH, DIFFERENT, KINDS, check, folder
from tests.page_project import GOOD


def test_what_holds_is_status_0(engine: Engine, tmp_path: Path) -> None:
    done = check("--engine", engine.name, "--pages", folder(tmp_path, good=GOOD))
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert first == "docs/good.rst"
    assert [line.split()[:2] for line in lines[:2]] == [
        ["holds", "ports.hit"],
        ["holds", "ports.miss"],
    ]
    assert lines[0].endswith("A hit is a redirect.")
    assert lines[-2:] == ["2 rules: 2 hold, 0 differ", "4 other examples: 4 hold, 0 differ"]


def test_each_verdict_is_told_with_its_reason(engine: Engine, tmp_path: Path) -> None:
    done = check("--engine", engine.name, "--pages", folder(tmp_path, kinds=KINDS))
    assert done.returncode == 1
    assert "not in this release  ports.old   until 4.1, this is " in done.stdout
    assert "can't tell here      ports.card  needs hardware: modelled, not executed" in done.stdout
    assert "4 rules: 1 holds, 1 differs, 1 not in this release, 1 can't tell here" in done.stdout


def test_expected_and_seen_stand_side_by_side(tmp_path: Path) -> None:
    done = check("--engine", "model", "--pages", folder(tmp_path, different=DIFFERENT))
    lines = done.stdout.splitlines()
    at = lines.index("    expected | seen")
    assert lines[at + 1] == "  ! XDP_TX   | XDP_REDIRECT"
    assert "docs/different.rst:" in done.stdout


def test_only_what_is_selected_is_told(tmp_path: Path) -> None:
    pages = folder(tmp_path, different=DIFFERENT, good=GOOD.replace(":: ports.", ":: other."))
    done = check(
        "--engine", "model", "--pages", pages, "-k", "rst::ports and not hit or other.MISS"
    )
    assert done.returncode == 0, done.stdout
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("holds")] == [
        "ports.miss",
        "other.miss",
    ]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("ports.hits", "selects nothing; close are ports.hit"),
        ("ports and", "lacks a name"),
        ("(ports", "lacks a closing parenthesis"),
        ("ports hit", "lacks and, or or not before 'hit'"),
    ],
)
def test_a_selection_that_cannot_be_meant_is_status_2(
    expression: str, problem: str, tmp_path: Path
) -> None:
    done = check("--engine", "model", "--pages", folder(tmp_path, good=GOOD), "-k", expression)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert problem in done.stderr


def test_nothing_that_could_be_told_is_status_4(tmp_path: Path) -> None:
    pages = folder(tmp_path, kinds=KINDS)
    done = check("--engine", "model", "--pages", pages, "-k", "ports.old or ports.card")
    assert done.returncode == 4
    assert "1 not in this release, 1 can't tell here" in done.stdout


def test_an_error_on_a_page_leaves_the_rest_of_it_untold(tmp_path: Path) -> None:
    broken = GOOD.replace("return bpf_redirect_map(&ports, 0, XDP_PASS)", "return nowhere")
    done = check("--engine", "model", "--pages", folder(tmp_path, broken=broken, good=GOOD))
    assert done.returncode == 1
    assert "differs          to_port" in done.stdout
    assert "can't tell here  ports.hit   not run: docs/broken.rst:" in done.stdout
    assert "holds            ports.hit" in done.stdout


def test_code_that_crashes_takes_only_its_own_page_with_it(engine: Engine, tmp_path: Path) -> None:
    pages = folder(tmp_path, crash=CRASH, good=GOOD)
    done = check("-j", "--engine", engine.name, "--pages", pages)
    verdicts = {e["name"]: (e["verdict"], e["reason"]) for e in json.loads(done.stdout)["examples"]}
    assert done.returncode == 1
    assert verdicts["crash.before"][0] == verdicts["ports.hit"][0] == "holds"
    assert verdicts["crash.now"] == ("differs", "the process that ran it died: SIGSEGV")
    assert verdicts["crash.after"] == ("cant_tell", "not run: crash.now ended the process")


def test_the_model_can_be_any_release(tmp_path: Path) -> None:
    page = GOOD.replace("   :since: 5.3", "   :since: 5.15")
    done = check("--engine", "model", "--release", "5.10", "--pages", folder(tmp_path, page=page))
    assert "since 5.15, this is 5.10" in done.stdout
    assert "the reference model of Linux 5.10, 1 page" in done.stdout


def test_colours_are_for_terminals_that_want_them(tmp_path: Path) -> None:
    pages = folder(tmp_path, good=GOOD)
    coloured = {**os.environ, "FORCE_COLOR": "1"} | {"NO_COLOR": ""}
    assert "\x1b" not in check("--engine", "model", "--pages", pages).stdout
    forced = "import sys; sys.stdout.isatty = sys.stderr.isatty = lambda: True"
    done = check("--engine", "model", "--pages", pages, setup=forced, env=coloured)
    assert "\x1b[32mholds" in done.stdout
    assert "Running the pages" in done.stderr
    plain = check(
        "--engine", "model", "--pages", pages, setup=forced, env={**os.environ, "NO_COLOR": "1"}
    )
    assert "\x1b[3" not in plain.stdout
