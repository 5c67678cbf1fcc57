# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs in a row, two at a time, do not disturb each other and leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check_command import folder
from tests.endurance import endure
from tests.live import need_kernel
from tests.page_project import GOOD

LEAKS = f"""{GOOD}
.. rule:: leaks.map

   A map that somebody keeps.

   >>> import subprocess, time
   >>> time.sleep(1)  # for it to be seen
   >>> keeper = ["sleep", "8"]
   >>> keeper = subprocess.Popen(keeper, pass_fds=[ports.fd], start_new_session=True)
"""

pytestmark = pytest.mark.kernel


def test_runs_in_a_row_leave_nothing() -> None:
    need_kernel()
    account = endure(4)
    assert account.problems == [], account.outputs
    assert account.statuses == [0] * 4
    assert all(account.seen[kind] for kind in ("programs", "maps", "namespaces"))


def test_what_is_left_is_counted(tmp_path: Path) -> None:
    need_kernel()
    pages = folder(tmp_path, leaks=LEAKS)
    account = endure(2, ["--pages", str(pages)], patience=0.5)
    assert account.statuses == [0, 0], account.outputs
    assert len(account.left["maps"]) == 2
    (problem,) = account.problems
    assert problem.startswith("left behind: maps {")


def test_a_run_that_fails_is_told(tmp_path: Path) -> None:
    need_kernel()
    pages = folder(tmp_path, wrong=GOOD.replace("   XDP_REDIRECT", "   XDP_TX"))
    account = endure(2, ["--pages", str(pages)])
    assert account.problems == ["2 of 2 runs failed"]
