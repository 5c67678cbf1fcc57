# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How a guest is started, followed and ended, with a QEMU that only pretends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kernel_impl.guests.guest import Ending, GuestResult, run
from kernel_impl.guests.kernels import Kernel
from kernel_impl.guests.machine import hardware
from tests.guests import QEMU, install_pretender

pytestmark = pytest.mark.skipif(hardware() is None, reason="guests are not made for this machine")

HOME = {"status": "1", "stdout": "said\n", "stderr": "told\n", "files/report/a.txt": "left"}
RUNS_FOR_EVER = """
from pathlib import Path
from kernel_impl.guests.guest import run
from kernel_impl.guests.kernels import Kernel

kernel = Kernel("own", "own", Path("/nowhere"), None)
run(kernel, ["probe"], told=lambda how: print(how, flush=True))
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel("own", "6.12.99", tmp_path / "vmlinuz", None)


def guest(
    kernel: Kernel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: str,
    timeout: float = 30,
) -> tuple[GuestResult, list[str]]:
    install_pretender(tmp_path, monkeypatch, behaviour)
    monkeypatch.setenv("BROUGHT_HOME", json.dumps(HOME))
    told: list[str] = []
    found = run(kernel, ["probe"], results=["report"], timeout=timeout, told=told.append)
    return found, told


def test_what_a_command_said_and_left_comes_home(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, told = guest(kernel, tmp_path, monkeypatch, "success")
    assert (found.ending, found.status) == (Ending.FINISHED, 1)
    assert (found.stdout, found.stderr) == ("said\n", "told\n")
    assert found.files == {"report/a.txt": b"left"}
    assert found.release == "6.12.99-pretended"
    assert told == ["booting", "running", "1/2"]
    assert 0 < found.boot_seconds <= found.seconds


def test_a_guest_that_hangs_is_ended_and_its_last_lines_kept(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = guest(kernel, tmp_path, monkeypatch, "hang", timeout=1)
    assert (found.ending, found.status) == (Ending.HUNG, None)
    assert found.console == ("Linux version of a pretender",)


def test_a_panic_is_told_from_other_ends(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = guest(kernel, tmp_path, monkeypatch, "panic")
    assert (found.ending, found.status) == (Ending.PANICKED, None)
    assert found.console[-1] == "[    1.6] ---[ end Kernel panic ]---"


def test_a_guest_that_ends_without_a_result_is_told_from_one_with(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = guest(kernel, tmp_path, monkeypatch, "break off")
    assert (found.ending, found.status) == (Ending.BROKE_OFF, None)


def test_a_guest_is_stopped_when_nobody_wants_it_any_more(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_pretender(tmp_path, monkeypatch, "hang")
    stop = threading.Event()
    stop.set()
    assert run(kernel, ["probe"], stop=stop).ending is Ending.STOPPED
    assert pretenders(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_guest_survives_who_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    install_pretender(tmp_path, monkeypatch, "hang")
    command = [sys.executable, "-c", RUNS_FOR_EVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "booting\n"
        wait_until(lambda: pretenders(tmp_path) != [])
        process.send_signal(number)
    wait_until(lambda: pretenders(tmp_path) == [])


def pretenders(folder: Path) -> list[int]:
    """The processes of the QEMU in *folder*."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if str(folder / QEMU) in words[:2]:
            found.append(int(process.name))
    return found


def wait_until(holds: object) -> None:
    assert callable(holds)
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("it did not come to pass within ten seconds")


def test_a_guest_gets_the_kernel_two_processors_and_no_network(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    install_pretender(tmp_path, monkeypatch, "success")
    (tmp_path / QEMU).write_text(f'#!/bin/sh\necho "$@" > {seen}\n')
    run(kernel, ["probe"])
    words = seen.read_text().split()
    assert words[words.index("-kernel") + 1] == str(kernel.image)
    assert words[words.index("-smp") + 1] == "2"
    assert words[words.index("-accel") + 1].startswith("tcg")
    assert "-nodefaults" in words
    assert not {"-netdev", "-net", "-nic"} & set(words)
