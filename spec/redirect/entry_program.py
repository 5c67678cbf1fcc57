# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The program at an entry of a map of devices: it sees each frame just before the driver does.

Mirrors ``kernel/bpf/devmap.c: dev_map_bpf_prog_run, dev_map_bpf_prog_run_skb`` and, for releases
before ``entry_program_at_flush``, ``dev_map_run_prog``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec.frame import FRAME_HEADER
from spec.machine.host import Context
from spec.trace import ExceptionRaised
from spec.uapi import Verdict

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor

_DROP, _PASS = int(Verdict.XDP_DROP), int(Verdict.XDP_PASS)


def passes(
    cpu: Processor,
    program: ModelProgram,
    frame: Frame,
    egress: ModelDevice,
    ingress: ModelDevice,
    rx_queue: int = 0,
    shown: type[Context] = Context,
) -> bool:
    """Whether *program* lets *frame* out of *egress*: only ``XDP_PASS`` does.

    Any verdict but ``XDP_PASS`` and ``XDP_DROP`` raises ``xdp_exception`` on the egress device.
    """
    context = shown(frame, ingress.ifindex, rx_queue, egress.ifindex)
    act = program.executable.run(context, cpu)
    if act == _PASS:
        return True
    if act != _DROP:
        cpu.trace.append((ExceptionRaised, program.id, act, egress.ifindex))
    return False


def surviving(
    cpu: Processor,
    program: ModelProgram,
    frames: list[Frame],
    egress: ModelDevice,
    ingress: ModelDevice,
) -> list[Frame]:
    """Those of *frames* that *program* passes, in order.

    A frame whose metadata leaves no room for the kernel's own header is lost without a word.
    """
    kept = []
    for frame in frames:
        if passes(cpu, program, frame, egress, ingress) and frame.meta >= FRAME_HEADER:
            frame.update()
            kept.append(frame)
        else:
            frame.drop()
    return kept
