# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is missing is found by trying, named in one line, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from kernel_impl import missing
from kernel_impl.command import main
from kernel_impl.limits import MEMCG_ACCOUNTING
from kernel_impl.probes import Answer, findings
from spec.release import number
from tests.live import need_kernel, programs
from tests.page_project import ROOT


def open_descriptors() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208


@pytest.mark.kernel
def test_nothing_is_missing_where_the_live_tests_run() -> None:
    need_kernel()
    assert missing() is None
    assert {finding.answer for finding in findings()} == {Answer.YES}


@pytest.mark.kernel
def test_probing_leaves_nothing_behind() -> None:
    need_kernel()
    missing()
    home, before = Path("/proc/thread-self/ns/net").readlink(), open_descriptors()
    missing()
    assert open_descriptors() == before
    assert Path("/proc/thread-self/ns/net").readlink() == home


LIMITS = """
import resource, sys
from kernel_impl import KernelLab
limits = resource.RLIMIT_MEMLOCK, resource.RLIMIT_NOFILE
before = [resource.getrlimit(limit) for limit in limits]
with KernelLab() as lab:
    lab.load(sys.argv[1])
    lab.socket()
print([resource.getrlimit(limit) for limit in limits] == before, lab.release)
"""


@pytest.mark.kernel
def test_limits_are_raised_only_where_a_release_needs_it() -> None:
    need_kernel()
    run = [sys.executable, "-c", LIMITS, str(programs())]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    same, release = done.stdout.split()
    assert (same == "True") == (number(release) >= MEMCG_ACCOUNTING)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_learns_what_to_do() -> None:
    program = "import os, kernel_impl; os.setresuid(*[65534] * 3); print(kernel_impl.missing())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "\n" not in done.stdout.strip()
    assert done.stdout.startswith("not root and without CAP_NET_ADMIN") or "libbpf" in done.stdout


def test_importing_needs_no_libbpf() -> None:
    program = (
        "import kernel_impl.libbpf as b; b.LIBRARY = 'libabsent.so.1'; import kernel_impl;"
        "print(kernel_impl.missing())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "can't be loaded" in done.stdout
    assert "install libbpf1" in done.stdout


def test_the_command_tells_its_version_and_helps() -> None:
    run = CliRunner().invoke
    assert run(main, ["--version"]).output.startswith("xdpspec, version ")
    assert "probe" in run(main, ["--help"]).output


def test_the_command_lists_every_prerequisite() -> None:
    done = CliRunner().invoke(main, ["probe"])
    lines = done.output.splitlines()
    assert [line.split("  ")[0] for line in lines] == [finding.name for finding in findings()]
    everything = all(finding.answer is Answer.YES for finding in findings())
    assert done.exit_code == (0 if everything else 1)
