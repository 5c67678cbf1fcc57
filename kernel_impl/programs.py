# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Loaded XDP programs and ``BPF_PROG_TEST_RUN`` (``net/bpf/test_run.c``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kernel_impl.libbpf import check, ffi, libbpf, opts
from kernel_impl.maps import program_info
from spec.lab import Device, Program, TestRun
from spec.trace import event_log
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
        context: Mapping[str, int] | None = None,
        flags: int = 0,
        data_out: bool = True,
    ) -> TestRun:
        packet_in = ffi.from_buffer(data)
        run = opts("bpf_test_run_opts", data_in=packet_in, data_size_in=len(data), repeat=repeat)
        run.batch_size, run.flags = batch_size, flags
        members = _context(ingress, context, len(data))
        if members is not None:
            run.ctx_in, run.ctx_size_in = members, ffi.sizeof("struct xdp_md")
        if live:
            return self._run_live(run)
        after = ffi.new("char[]", len(data) + ROOM_TO_GROW if data_out else 0)
        if data_out:
            run.data_out, run.data_size_out = after, len(after)
        with self.lab.inside():
            check(libbpf().bpf_prog_test_run_opts(self.fd, run))
        packet = bytes(ffi.buffer(after, run.data_size_out)) if data_out else b""
        return TestRun.of(run.retval, packet, event_log([], self.lab))

    def _run_live(self, run: Any) -> TestRun:
        run.flags |= BPF_F_TEST_XDP_LIVE_FRAMES
        self.lab.begin_step()
        with self.lab.inside():
            check(libbpf().bpf_prog_test_run_opts(self.fd, run))
        self.lab.settle()
        return TestRun.of(run.retval, b"", self.lab.settled_events())

    def close(self) -> None:
        if self.fd >= 0:
            self.lab.forget_descriptor(self.fd)
            os.close(self.fd)
            self.fd = -1


def _context(ingress: Device | None, context: Mapping[str, int] | None, length: int) -> Any:
    """``struct xdp_md`` to hand in, if any is needed; only our own has a fitting ``data_end``."""
    if ingress is None and context is None:
        return None
    members = {"data_end": length} if context is None else dict(context)
    if ingress is not None:
        members.setdefault("ingress_ifindex", ingress.ifindex)
    return ffi.new("struct xdp_md *", members)
