# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""However ``xdpspec check`` is ended, it leaves no process and no file behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spec.testing.engine import Engine
from tests.check_command import SLOW, check, command, folder
from tests.endurance import members
from tests.page_project import GOOD, ROOT

PATIENCE_S = 15.0


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Until *true* says so."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@contextmanager
def sleeping(engine: Engine, place: Path) -> Iterator[subprocess.Popen[str]]:
    """A check whose two pages are both in the middle of an example."""
    scratch = place / "scratch"
    scratch.mkdir()
    slow = SLOW.replace("PLACE", str(place))
    pages = folder(place, one=slow, two=slow)
    process = subprocess.Popen(
        command("--engine", engine.name, "--pages", pages, "--html", place / "report.html"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        start_new_session=True,
    )
    with process:
        try:
            wait_until(lambda: len(list(place.glob("began-*"))) == 2, "the pages did not begin")
            yield process
        finally:
            for left in members(process.pid):
                os.kill(left, signal.SIGKILL)


@pytest.mark.parametrize(
    ("number", "everybody", "status"),
    [
        (signal.SIGINT, True, 130),
        (signal.SIGINT, False, 130),
        (signal.SIGTERM, False, 143),
        (signal.SIGKILL, False, -signal.SIGKILL),
    ],
)
def test_a_signal_ends_everything(
    engine: Engine, number: signal.Signals, everybody: bool, status: int, tmp_path: Path
) -> None:
    with sleeping(engine, tmp_path) as process:
        assert len(members(process.pid)) == 3
        (os.killpg if everybody else os.kill)(process.pid, number)
        assert process.wait(PATIENCE_S) == status
        wait_until(lambda: not members(process.pid), "a process is left")
        wait_until(lambda: not list((tmp_path / "scratch").iterdir()), "a file is left")
        assert not (tmp_path / "report.html").exists()
        assert process.stdout is not None
        assert process.stdout.read() == ""
        assert process.stderr is not None
        assert process.stderr.read() == ("interrupted\n" if number == signal.SIGINT else "")


@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("stage", ["read_pages", "lacking", "compilers", "replace_files"])
def test_a_signal_ends_it_before_and_after_the_pages_too(
    number: str, status: int, stage: str, tmp_path: Path
) -> None:
    setup = f"""
import os, signal
from kernel_impl import checking
def {stage}(*arguments, real=checking.{stage}):
    os.kill(os.getpid(), signal.{number})
    return real(*arguments)
checking.{stage} = {stage}
"""
    report = tmp_path / "report.html"
    arguments = ("--engine", "model", "--pages", folder(tmp_path, good=GOOD), "--html", report)
    done = check(*arguments, setup=setup)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == ("interrupted\n" if number == "SIGINT" else "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docs"]
