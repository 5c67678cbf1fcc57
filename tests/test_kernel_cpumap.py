# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Threads of CPUMAP entries on the live kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kernel_impl.libbpf import libbpf
from spec.testing.compiler import compile_bpf
from tests.bpf_pieces import CPUMAP, INCLUDES, map_of
from tests.cpumap_programs import Farm, frame
from tests.live import live_lab, need_kernel
from tests.page_project import ROOT

pytestmark = pytest.mark.kernel

PATIENCE_S = 5.0
HOPS = (
    INCLUDES
    + map_of(CPUMAP, "cpus", "struct bpf_cpumap_val")
    + """
SEC("xdp/cpumap") int hops(struct xdp_md *ctx) { return bpf_redirect_map(&cpus, 3, 0); }
"""
)


HOLDER = """
import sys
from kernel_impl import KernelLab
lab = KernelLab()
loaded = lab.load(sys.argv[1])
loaded.maps["cpus"].update(0, (64, loaded.programs["hops"]))
print(loaded.maps["cpus"].id, flush=True)
sys.stdin.read()
"""
"""A process that holds an entry and a map that keep each other."""


def threads(map_id: int) -> list[str]:
    """Names of the threads that the map has."""
    names = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            names.append(path.read_text(encoding="utf-8").strip())
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
    return [name for name in names if name.endswith(f"/map:{map_id}")]


def test_a_lab_leaves_no_thread_even_if_a_map_and_a_program_in_it_keep_each_other() -> None:
    with live_lab() as lab:
        loaded = lab.load(compile_bpf(HOPS, "hops"))
        cpus = loaded.maps["cpus"]
        cpus.update(0, (64, loaded.programs["hops"]))
        map_id = cpus.id
        assert threads(map_id) == [f"cpumap/0/map:{map_id}"]
        loaded.close()
    deadline = time.monotonic() + PATIENCE_S
    while threads(map_id) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads(map_id) == []


def exists(map_id: int) -> bool:
    """Whether the kernel still has the map."""
    fd = libbpf().bpf_map_get_fd_by_id(map_id)
    if fd >= 0:
        os.close(fd)
    return bool(fd >= 0)


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_leaves_neither_the_map_nor_its_thread(
    number: signal.Signals, group: bool
) -> None:
    need_kernel()
    command = [sys.executable, "-c", HOLDER, str(compile_bpf(HOPS, "hops"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True
    ) as process:
        assert process.stdout is not None
        map_id = int(process.stdout.readline())
        assert threads(map_id) == [f"cpumap/0/map:{map_id}"]
        (os.killpg if group else os.kill)(process.pid, number)
        process.wait()
        deadline = time.monotonic() + PATIENCE_S
        while (threads(map_id) or exists(map_id)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert threads(map_id) == []
        assert not exists(map_id)


def test_a_thread_that_ends_is_no_event() -> None:
    with live_lab() as lab:
        farm = Farm(lab, compile_bpf)
        farm.put(farm.there)
        map_id = farm.cpus.id
        before = threads(map_id)
        farm.cpus.delete(farm.there)
        deadline = time.monotonic() + PATIENCE_S
        while threads(map_id) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (len(before), threads(map_id)) == (1, [])
        assert repr(lab.events()) == "no events"


def test_frames_are_there_when_the_call_returns() -> None:
    with live_lab() as lab:
        farm = Farm(lab, compile_bpf)
        farm.put(farm.there)
        for _ in range(50):
            farm.eth0.receive(frame(farm.there))
            assert farm.eth0.received == [frame(farm.there)]
