# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How fast a frame goes through the model, compared with one ``BPF_PROG_TEST_RUN``."""

from __future__ import annotations

from pathlib import Path

import kernel_impl
from kernel_impl.libbpf import ffi, libbpf, opts
from spec import ModelLab
from spec.testing.compiler import compile_bpf
from spec.uapi import XDP_REDIRECT
from tests.bench import programs
from tests.bench.row import Effort, Goal, Row, timed
from tests.bench.timing import Task

PROGRAM = "xdp_redirect_map_func"
ROOM = 4096
BURST = 50
TIMES = 200
GOAL = Goal("<=", 1)
REFERENCE = "one BPF_PROG_TEST_RUN through cffi"


def measure(effort: Effort) -> list[Row]:
    """The rows about redirection."""
    path = compile_bpf(programs.REDIRECT, "bench")
    titles = {
        "A frame redirected to a tap, in a burst": BURST,
        "A frame redirected to a tap, alone": 1,
    }
    missing = kernel_impl.missing()
    if missing:
        return [Row(title, "model", REFERENCE, GOAL, missing=missing) for title in titles]
    with kernel_impl.KernelLab() as kernel, kernel.inside():
        test_run = _test_run(kernel, path)
        return [
            timed(title, _receive(path, burst), test_run, GOAL, effort)
            for title, burst in titles.items()
        ]


def _receive(path: Path, burst: int) -> Task:
    """Frames arrive *burst* at a time; each is delivered, and the events are asked for."""
    lab = ModelLab()
    loaded = lab.load(path)
    ingress, egress = lab.tap("in"), lab.tap("out")
    loaded.maps["tx_port"].update(0, egress)
    ingress.attach(loaded.programs[PROGRAM])
    frames = [programs.FRAME] * burst
    events = ingress.receive(*frames)
    assert len(events) == 2 * burst
    assert egress.sent == frames

    def run(count: int) -> None:
        for _ in range(0, count, burst):
            ingress.receive(*frames)

    return Task("model", run, TIMES, burst)


def _test_run(lab: kernel_impl.KernelLab, path: Path) -> Task:
    """The options are made once, as a C program would: only the call is timed."""
    loaded = lab.load(path)
    loaded.maps["tx_port"].update(0, lab.tap("out"))
    fd, call = loaded.programs[PROGRAM].fd, libbpf().bpf_prog_test_run_opts
    after = ffi.new("char[]", ROOM)
    packet = ffi.from_buffer(programs.FRAME)
    run_opts = opts(
        "bpf_test_run_opts",
        data_in=packet,
        data_size_in=len(packet),
        data_out=after,
        data_size_out=ROOM,
        repeat=1,
    )
    assert call(fd, run_opts) == 0
    assert run_opts.retval == XDP_REDIRECT

    # The options only point to the buffers; the default keeps them.
    def run(count: int, _: object = (packet, after)) -> None:
        for _ in range(count):
            call(fd, run_opts)

    return Task(REFERENCE, run, TIMES)
