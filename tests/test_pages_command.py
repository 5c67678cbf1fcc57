# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec pages FOLDER``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from spec.testing.foreign.record import read_record
from tests.foreign_pages import ENDLESS, INCLUDES, MAP, PASS, REDIRECT, REFUSED, rest
from tests.page_project import ROOT
from tests.test_check_troubles import NO_COMPILER


def pages(*arguments: str | Path, setup: str = "") -> subprocess.CompletedProcess[str]:
    """``xdpspec pages`` on the model; *setup* is Python that runs before it begins."""
    program = f"{setup}\nfrom kernel_impl.command import main; main(prog_name='xdpspec')"
    command = [sys.executable, "-c", program, "pages", "--engine", "model", *map(str, arguments)]
    env = {name: value for name, value in os.environ.items() if name not in ("CLANG", "CC")}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    folder = tmp_path / "good"
    folder.mkdir()
    (folder / "page.rst").write_text(rest(INCLUDES + PASS, MAP, REDIRECT))
    return folder


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "page.rst").write_text(rest(INCLUDES + MAP + REFUSED))
    return folder


def test_a_line_for_each_block_and_the_counts(good: Path) -> None:
    done = pages(good)
    assert (done.returncode, done.stderr) == (0, "")
    title, first, second, third, _, where, counts = done.stdout.splitlines()
    assert title == "page.rst"
    assert first.split() == [
        *("page.rst:4", "fine", "as", "shown", "pass", "1", "program", "on", "model", "6.18")
    ]  # fmt: skip
    assert "fine once completed  ports" in second
    assert "and the block of line" in third
    assert where == "1 page, 3 C blocks, loaded on the model, Linux 6.18"
    assert counts == "1 fine as shown, 2 fine once completed"


def test_a_block_that_is_not_fine_is_status_1(bad: Path, good: Path) -> None:
    done = pages(good, bad)
    assert done.returncode == 1
    assert "writes" in done.stdout
    assert "EACCES: write into map forbidden" in done.stdout


def test_pages_of_the_same_name_are_told_apart(bad: Path, good: Path) -> None:
    done = pages(good, bad)
    assert [line for line in done.stdout.splitlines() if line.startswith("/")] == [
        str(good / "page.rst"),
        str(bad / "page.rst"),
    ]


def test_json_has_the_same(bad: Path) -> None:
    done = pages("-j", bad)
    told = json.loads(done.stdout)
    assert (told["status"], done.returncode, told["engine"]) == (1, 1, "model")
    assert told["summary"]["refused"] == 1
    assert [block["verdict"] for block in told["blocks"]] == ["refused"]


def test_a_record_has_places_and_verdicts_but_no_text(bad: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    pages(bad, "--record", record)
    (block,) = read_record(record)["blocks"]
    assert (block["page"], block["line"], block["verdict"]) == ("page.rst", 4, "refused")
    assert "bpf_map_update_elem" not in record.read_text()


def test_a_record_that_says_the_same_is_left_alone(bad: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    pages(bad, "--record", record)
    older = record.read_text().replace('"date": "20', '"date": "19')
    record.write_text(older)
    pages(bad, "--record", record)
    assert record.read_text() == older


def test_wrong_usage_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = pages(tmp_path / "absent")
    assert (done.returncode, done.stdout) == (2, "")
    place = tmp_path / "absent"
    assert done.stderr == f"xdpspec pages: {place}: no such folder; name a folder that exists\n"
    told = json.loads(pages("-j", place).stdout)
    assert (told["status"], told["error"].startswith(str(place))) == (2, True)


def test_a_record_that_cannot_be_written_is_told_first(good: Path) -> None:
    done = pages(good, "--record", good / "absent" / "record.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "can't be written: No such file or directory" in done.stderr


def test_without_a_compiler_the_remedy_is_told(good: Path) -> None:
    done = pages(good, setup=NO_COMPILER)
    assert (done.returncode, done.stdout) == (3, "")
    for line in done.stderr.splitlines():
        assert line.endswith("run `pip install 'xdpspec[compiler]'`, or install clang")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_compilers_too(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    (tmp_path / "page.rst").write_text(rest(ENDLESS, ENDLESS.replace("K", "L"), ENDLESS + PASS))
    cache = tmp_path / "cache"
    with subprocess.Popen(
        [sys.executable, "-m", "kernel_impl", "pages", "--engine", "model", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        stderr=subprocess.PIPE,
    ) as process:
        while process.poll() is None and not list(cache.glob("xdpspec/build-*")):
            time.sleep(0.05)
        process.send_signal(number)
        process.communicate()
    assert process.returncode == status
    assert list(cache.glob("xdpspec/build-*")) == []
    assert compilers_with(cache) == []


def compilers_with(cache: Path) -> list[str]:
    """Processes that were told of *cache*."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if str(cache).encode() in environment.read_bytes():
                found.append(environment.parent.name)
    return found


def test_a_page_that_cannot_be_read_is_named(good: Path) -> None:
    secret = good / "secret.md"
    secret.touch()
    refused = f"""
from pathlib import Path
read = Path.read_bytes
def read_bytes(path):
    if path.name == {secret.name!r}:
        raise PermissionError(13, "Permission denied", str(path))
    return read(path)
Path.read_bytes = read_bytes
"""
    done = pages(good, setup=refused)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{secret}: can't be read: Permission denied; make it readable" in done.stderr
