# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The bulk queue of a device: frames wait in it until there are 16, or until the flush.

Mirrors ``kernel/bpf/devmap.c: dev_map_enqueue, __xdp_enqueue, bq_enqueue, bq_xmit_all``.
There is one queue for each device and CPU, whatever maps lead to it.
"""

from __future__ import annotations

from errno import EMSGSIZE, ENETDOWN, EOPNOTSUPP
from typing import TYPE_CHECKING

from spec.machine.host import ContextWithoutMetadata
from spec.redirect import entry_program
from spec.trace import DevmapXmit
from spec.uapi import Verdict

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame
    from spec.maps.entry import DeviceEntry
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor

BULK_SIZE = 16
_REDIRECT = int(Verdict.XDP_REDIRECT)


class BulkQueue:
    """Frames waiting for *device*; ``ingress`` and ``program`` are those of the first of them."""

    __slots__ = ("device", "frames", "ingress", "program")

    def __init__(self, device: ModelDevice) -> None:
        self.device = device
        self.frames: list[Frame] = []
        self.ingress: ModelDevice | None = None
        self.program: ModelProgram | None = None


def enqueue_for_entry(
    cpu: Processor, entry: DeviceEntry, frame: Frame, ingress: ModelDevice
) -> int:
    """Queue *frame* for the device of *entry*, with its program (``dev_map_enqueue``).

    Before ``entry_program_at_flush`` the program ran here, and without metadata.
    """
    if entry.program is None or cpu.release.has("entry_program_at_flush"):
        return enqueue(cpu, entry.device, frame, ingress, entry.program)
    frame.meta = frame.start
    program, shown = entry.program, ContextWithoutMetadata
    if not entry_program.passes(cpu, program, frame, entry.device, ingress, shown=shown):
        return 0
    return enqueue(cpu, entry.device, frame, ingress, None)


def enqueue(
    cpu: Processor,
    device: ModelDevice,
    frame: Frame,
    ingress: ModelDevice,
    program: ModelProgram | None,
) -> int:
    """Queue *frame* for *device* if the device can take it (``__xdp_enqueue``).

    These checks come before the program, which may still lengthen the frame.
    """
    if not device.ndo_xmit or (frame.frags and not device.ndo_xmit_sg):
        return -EOPNOTSUPP
    err = forwarding_error(device, frame.length())
    if not err:
        push(cpu, device, frame, ingress, program)
    return err


def forwarding_error(device: ModelDevice, length: int) -> int:
    """0 if *device* is up and its MTU allows *length* bytes (``xdp_ok_fwd_dev``)."""
    if not device.is_up:
        return -ENETDOWN
    if length > device.frame_limit:
        return -EMSGSIZE
    return 0


def push(
    cpu: Processor,
    device: ModelDevice,
    frame: Frame,
    ingress: ModelDevice,
    program: ModelProgram | None,
) -> None:
    """Append *frame*; the 17th sends the first 16 on their way (``bq_enqueue``).

    The first frame after a flush decides the program and the ingress device of all that follow.
    Before ``entry_program_at_flush`` the 17th counted as first again.
    """
    queue = device.bulk_queues[cpu.number]
    if len(queue.frames) == BULK_SIZE:
        transmit(cpu, queue, False)
        if not cpu.release.has("entry_program_at_flush"):
            queue.ingress = None
            cpu.flush_list.remove(queue)
    if queue.ingress is None:
        queue.ingress, queue.program = ingress, program
        cpu.flush_list.append(queue)
    queue.frames.append(frame)


def transmit(cpu: Processor, queue: BulkQueue, flush: bool) -> None:
    """Run the program on each frame and hand the rest to the driver (``bq_xmit_all``).

    The driver takes frames up to the first that it cannot; those after it are lost. A *flush* is
    the last for this queue, so that it forgets program and ingress device (``__dev_flush``).
    """
    frames, device, ingress = queue.frames, queue.device, queue.ingress
    if not frames or ingress is None:
        return
    count, err = len(frames), 0
    if queue.program is not None:
        frames = entry_program.surviving(cpu, queue.program, frames, device, ingress)
    sent = device.xdp_transmit(cpu, frames, flush) if frames else 0
    if sent < len(frames):
        if sent < 0:
            sent, err = 0, sent
        for frame in frames[sent:]:
            frame.drop()
    queue.frames.clear()
    if flush:
        queue.ingress = queue.program = None
    cpu.trace.append(
        (DevmapXmit, ingress.ifindex, _REDIRECT, device.ifindex, count - sent, sent, err)
    )
