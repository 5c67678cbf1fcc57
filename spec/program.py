# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A loaded XDP program of the model.

Mirrors ``kernel/bpf/syscall.c: bpf_prog_load`` and ``struct bpf_prog_aux``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from errno import EBADF
from typing import TYPE_CHECKING, Any

from spec.errors import KernelError
from spec.frame import Frame
from spec.lab import Device, Program, TestRun
from spec.machine.host import Context
from spec.maps.owner import check_used_maps
from spec.redirect.test_request import Request
from spec.redirect.test_run import run_live, run_plain
from spec.uapi import BPF_F_TEST_XDP_LIVE_FRAMES

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.machine import Executable, Step
    from spec.maps.element import ModelMap
    from spec.model import ModelLab
    from spec.redirect.processor import Processor


class ModelProgram(Program):
    """Something to run, and what the kernel remembers about it."""

    def __init__(
        self,
        lab: ModelLab,
        name: str,
        executable: Executable,
        attach_type: int = 0,
        has_frags: bool = False,
        maps: Sequence[ModelMap] = (),
        bound_to: ModelDevice | None = None,
    ) -> None:
        self.lab = lab
        self.release = lab.release_table
        self.name = name
        self.executable = executable
        table = self.release
        if table.has("redirect_state_reset") and not table.has("redirect_state_per_round"):
            executable.run = _forgetting(executable.run)
        self.attach_type = attach_type
        self.has_frags = has_frags
        self.maps = tuple(maps)
        self.bound_to = bound_to
        check_used_maps(self)
        self.id = lab.new_program_id(name)
        self.fd = lab.install(self)
        if bound_to is not None:
            lab.bound_programs.append(self)

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
        """Run on *data*; with *live*, carry the verdicts out in a step of its own.

        With ``live`` the packet is not asked back; with the flag alone it may be.
        """
        if not self.lab.holds(self):
            raise KernelError(EBADF)
        if ingress is not None:
            ifindex = self.lab.own_device(ingress).ifindex
            context = {"data_end": len(data)} if context is None else context
            context = {"ingress_ifindex": ifindex, **context}
        if live:
            flags |= BPF_F_TEST_XDP_LIVE_FRAMES
            self.lab.begin_step()
        request = Request(data, repeat, batch_size, flags, context, data_out and not live)
        result = run_live(self, request) if request.live else run_plain(self, request)
        if live:
            result.events = self.lab.events()
        return result

    def steps(self, data: bytes, ingress: Device | None = None) -> list[Step]:
        """Every instruction of one run on *data*, with the registers before it.

        As a test run, but one instruction at a time and by the interpreter.
        """
        from spec.machine import steps  # loaded with the first object file

        device = self.lab.lo if ingress is None else self.lab.own_device(ingress)
        cpu = self.lab.processor
        cpu.enter()
        try:
            return steps(self.executable, Context(Frame.of(data), device.ifindex), cpu)
        finally:
            cpu.leave()

    def close(self) -> None:
        """Give up the descriptor."""
        self.lab.uninstall(self)


def _forgetting(run: Callable[[Context, Any], int]) -> Callable[[Context, Any], int]:
    """*run*, before which what earlier programs asked for is forgotten.

    Mirrors ``include/linux/filter.h: bpf_prog_run_xdp`` of the stable lines that have it.
    """

    def run_afresh(context: Context, cpu: Processor) -> int:
        cpu.map = cpu.nothing
        return run(context, cpu)

    return run_afresh
