# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A process that is killed with a lab open leaves nothing in the kernel."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kernel_impl.descriptor import Descriptor
from kernel_impl.tracefs import open_tracefs
from tests.held_lab import STAGES
from tests.kernel_objects import Belongings
from tests.live import need_kernel, programs

pytestmark = pytest.mark.kernel
PROJECT = Path(__file__).parent.parent


CLOSES = """
from kernel_impl import KernelLab
from spec.uapi import MapType

with KernelLab() as lab:
    with lab.inside():
        lab.create_map(MapType.BPF_MAP_TYPE_CPUMAP, 4, 4, 1)
    print("opened", flush=True)
    input()
print("closed", flush=True)
input()
"""


@contextmanager
def held(stage: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has a lab open and has got as far as *stage*."""
    with running("-m", "tests.held_lab", stage, str(programs())) as process:
        assert said(process) == stage
        yield process


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python, until it is no longer wanted."""
    command = [sys.executable, *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """The next line of what it says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def mounts() -> str:
    return Path("/proc/self/mountinfo").read_text()


def devices() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


def instances() -> list[str]:
    tracefs = open_tracefs()
    folder = Descriptor(os.open("instances", os.O_RDONLY | os.O_DIRECTORY, dir_fd=tracefs.fd))
    return os.listdir(folder.fd)  # noqa: PTH208


@pytest.mark.parametrize("stage", STAGES)
def test_killing_a_process_leaves_nothing(stage: str) -> None:
    need_kernel()
    before = mounts(), devices(), instances()
    with held(stage) as process, closing(Belongings(process.pid)) as belongings:
        assert belongings.namespaces
        assert bool(belongings.bpf["prog"]) == (stage not in ("opened", "devices"))
        assert belongings.remaining()["namespaces"] == belongings.namespaces
        assert (mounts(), devices(), instances()) == before
        process.kill()
        process.wait()
        assert belongings.left_in_the_end() == {}
        assert (mounts(), devices(), instances()) == before


def test_a_lab_that_was_closed_leaves_nothing_while_the_process_goes_on() -> None:
    need_kernel()
    with running("-c", CLOSES) as process:
        assert said(process) == "opened"
        with closing(Belongings(process.pid)) as belongings:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            assert said(process) == "closed"
            assert belongings.namespaces
            assert belongings.bpf["map"]
            assert belongings.left_in_the_end() == {}


@pytest.mark.parametrize("examples", [1, 20, 90, 150])
def test_killing_a_run_of_the_pages_leaves_nothing(examples: int) -> None:
    need_kernel()
    before = mounts(), devices(), instances()
    command = [sys.executable, "-m", "pytest", "docs", "--backend", "kernel", "-v"]
    with subprocess.Popen(
        [*command, "-p", "no:cacheprovider"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        belongings = stop_with_programs(process, examples)
        process.kill()
        process.wait()
        with closing(belongings):
            assert belongings.namespaces
            assert belongings.left_in_the_end() == {}
    assert (mounts(), devices(), instances()) == before


def stop_with_programs(process: subprocess.Popen[str], examples: int) -> Belongings:
    """Stop a run after that many examples, or as soon after them as it holds programs."""
    assert process.stdout is not None
    passed = 0
    for line in process.stdout:
        passed += "PASSED" in line
        if passed < examples:
            continue
        process.send_signal(signal.SIGSTOP)
        belongings = Belongings(process.pid)
        if belongings.bpf["prog"]:
            return belongings
        belongings.close()  # between two labs
        process.send_signal(signal.SIGCONT)
    pytest.fail("the run ended before it could be killed")
