# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An installed ``xdpspec check`` has its pages with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from spec.testing.folder import own_pages, read_pages
from tests.page_project import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs."""
    built, place = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = built.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(place)
    return place


def test_the_pages_come_with_the_package(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kernel_impl", "check", "--engine", "model", "-j"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )
    examples = json.loads(done.stdout)["examples"]
    ours = read_pages(own_pages())
    assert {(e["page"], e["name"], e["sha256"]) for e in examples} == {
        (page.title, example.name, example.digest) for page in ours for example in page.examples
    }
    assert [e["name"] for e in examples if e["verdict"] == "differs"] == []


def test_only_pages_come_with_it(installed: Path) -> None:
    docs = installed / "spec" / "testing" / "pages" / "docs"
    assert {path.suffix for path in docs.rglob("*") if path.is_file()} == {".rst", ".md"}
    assert (docs / "map_devmap.rst").read_bytes() == (ROOT / "docs/map_devmap.rst").read_bytes()


def test_pages_of_others_can_be_judged_with_it(installed: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('```c\n#include "vmlinux.h"\nu32 seen;\n```\n')
    done = subprocess.run(
        [sys.executable, "-m", "kernel_impl", "pages", "--engine", "model", "-j", str(page)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )
    assert [block["verdict"] for block in json.loads(done.stdout)["blocks"]] == ["fine"]
