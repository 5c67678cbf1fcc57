# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Loaded XDP programs and ``BPF_PROG_TEST_RUN`` (``net/bpf/test_run.c``)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kernel_impl.libbpf import check, ffi, libbpf, opts
from kernel_impl.maps import program_info
from spec.lab import Device, Program, TestRun
from spec.trace import EventLog
from spec.uapi import BPF_F_TEST_XDP_LIVE_FRAMES

if TYPE_CHECKING:
    from kernel_impl.lab import KernelLab

ROOM_TO_GROW = 4096
"""A program may lengthen its packet, but never by more than a page."""


class KernelProgram(Program):
    """A program of the kernel that we hold a descriptor of."""

    def __init__(self, lab: KernelLab, fd: int, name: str) -> None:
        self.lab, self.fd, self.name = lab, fd, name
        self.id = program_info(fd).id
        lab.remember_program(self)

    def test_run(
        self,
        data: bytes,
        ingress: Device | None = None,
        repeat: int = 1,
        live: bool = False,
        batch_size: int = 0,
    ) -> TestRun:
        packet = ffi.from_buffer(data)
        run = opts("bpf_test_run_opts", data_in=packet, data_size_in=len(data), repeat=repeat)
        run.batch_size = batch_size
        context = _context(ingress, len(data)) if ingress else None
        if context is not None:
            run.ctx_in, run.ctx_size_in = context, ffi.sizeof("struct xdp_md")
        if live:
            return self._run_live(run)
        after = ffi.new("char[]", len(data) + ROOM_TO_GROW)
        run.data_out, run.data_size_out = after, len(after)
        with self.lab.inside():
            check(libbpf().bpf_prog_test_run_opts(self.fd, run))
        return TestRun.of(
            run.retval, ffi.buffer(after, run.data_size_out)[:], EventLog([], self.lab)
        )

    def _run_live(self, run: Any) -> TestRun:
        run.flags = BPF_F_TEST_XDP_LIVE_FRAMES
        self.lab.begin_step()
        with self.lab.inside():
            check(libbpf().bpf_prog_test_run_opts(self.fd, run))
        self.lab.settle()
        return TestRun.of(run.retval, b"", self.lab.events())

    def close(self) -> None:
        if self.fd >= 0:
            self.lab.forget_descriptor(self.fd)
            os.close(self.fd)
            self.fd = -1


def _context(ingress: Device, length: int) -> Any:
    return ffi.new("struct xdp_md *", {"data_end": length, "ingress_ifindex": ingress.ifindex})
