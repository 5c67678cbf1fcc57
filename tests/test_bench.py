# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The benchmark measures every figure it promises, and the pages show what it wrote."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs_site import PROJECT, Site

TITLES = [
    "Arithmetic in a loop",
    "The same loop",
    "Parse and rewrite a UDP packet",
    "A frame redirected to a tap, in a burst",
    "A frame redirected to a tap, alone",
    "Broadcast, cost of a target",
    "DEVMAP_HASH, cost of a lookup",
    "DEVMAP_HASH, memory of an entry",
    "import spec",
    "import spec; spec.ModelLab()",
]

ROW = {
    "title": "A frame",
    "tested": "model",
    "reference": "kernel",
    "unit": "ns",
    "value": 3400,
    "reference_value": 1600,
    "figure": 2.1,
    "goal": "<= 1",
    "met": False,
    "control": 37,
    "drift": 1.2,
    "missing": "",
}

PAGE = "Speed\n=====\n\n.. bench-table::\n"


def run(**changes: Any) -> str:
    """A file such as the benchmark writes, with one row."""
    where = {"release": "6.18", "kernel": "6.18.44", "machine": "x86_64", "cpus": 2}
    when = {"python": "3.11.2", "date": "2026-11-23", "commit": "0123456789ab"}
    return json.dumps({**where, **when, "rows": [{**ROW, **changes}]})


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[dict[str, Any]]]:
    """What the shortest possible run prints, and the rows that it writes."""
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "tests.bench", "--rounds", "1", "--share", "0.001"]
    done = subprocess.run(
        [*command, "--folder", str(folder)], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.json")
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"]
    return done.stdout.splitlines(), rows


def test_a_short_run_prints_every_row(short: tuple[list[str], list[dict[str, Any]]]) -> None:
    lines, _ = short
    for title, line in zip(TITLES, lines, strict=False):
        assert line.startswith(title)
    assert len(lines) == len(TITLES) + 1


def test_a_short_run_writes_a_figure_or_the_reason_for_each(
    short: tuple[list[str], list[dict[str, Any]]],
) -> None:
    _, rows = short
    for title, row in zip(TITLES, rows, strict=True):
        assert row["title"].startswith(title)
        assert bool(row["figure"]) != bool(row["missing"])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.write(speed=PAGE)
    (site.docs / "bench").mkdir()
    return site


def text(site: Site) -> str:
    """The page without tags, strictly built."""
    assert site.build().clean
    return " ".join(re.sub(r"<[^>]+>", " ", site.html("speed")).split())


def test_the_page_shows_what_was_measured_and_where(site: Site) -> None:
    (site.docs / "bench" / "6.18.json").write_text(run())
    shown = text(site)
    assert "Linux 6.18.44 on x86_64 with 2 CPUs, Python 3.11.2, 2026-11-23" in shown
    assert "A frame 2.1 (missed) ≤ 1 model: 3,400 ns kernel: 1,600 ns 37 ns, drift 1.2" in shown


def test_the_page_says_why_something_was_not_measured(site: Site) -> None:
    (site.docs / "bench" / "6.18.json").write_text(run(figure=None, missing="needs root"))
    assert "A frame – ≤ 1 not measured: needs root" in text(site)


def test_a_new_measurement_is_shown_at_once(site: Site) -> None:
    path = site.docs / "bench" / "6.18.json"
    path.write_text(run())
    text(site)
    path.write_text(run(figure=0.9, met=True))
    assert "A frame 0.9 ≤ 1" in text(site)


def test_a_file_that_is_none_of_its_own_fails_the_build(site: Site) -> None:
    (site.docs / "bench" / "6.18.json").write_text("{}")
    build = site.build()
    assert "6.18.json: not what `nox -s bench` writes" in build.warnings
    assert build.status != 0
