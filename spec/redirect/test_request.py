# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ``BPF_PROG_TEST_RUN`` is asked for, and which requests are refused.

Mirrors ``net/bpf/test_run.c: bpf_prog_test_run_xdp, bpf_test_init, xdp_convert_md_to_buff``.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import E2BIG, EINVAL, ENODEV, ENOMEM
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from spec.errors import KernelError
from spec.frame import FRAME_HEADER, HEADROOM, LINEAR_ROOM, MAX_FRAGS, PAGE_SIZE, Frame
from spec.uapi import BPF_F_TEST_XDP_LIVE_FRAMES, BPF_XDP_CPUMAP, BPF_XDP_DEVMAP

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.program import ModelProgram
    from spec.release import Release

ETHERNET_HEADER = 14
PAGE_HEADER = 112
"""``struct xdp_page_head``, at the start of each page of a live frame."""
DEFAULT_BATCH, MAX_BATCH = 64, 256
METADATA_UNIT = 4
_Frame = TypeVar("_Frame", bound=Frame)


def live_room(release: Release) -> int:
    """Headroom, data and tailroom of a live frame; 3408 bytes of it are for data.

    Until 6.2 the frame's own header lay before all that and took 40 of them.
    """
    header = 0 if release.has("live_frames_around_header") else FRAME_HEADER
    return LINEAR_ROOM - PAGE_HEADER - header


class Request(NamedTuple):
    """The arguments: ``context`` has members of ``struct xdp_md``, ``None`` without a context."""

    data: bytes
    repeat: int
    batch_size: int
    flags: int
    context: Mapping[str, int] | None
    wants_data: bool

    @property
    def live(self) -> bool:
        """Whether verdicts are to be carried out."""
        return bool(self.flags & BPF_F_TEST_XDP_LIVE_FRAMES)


class Prepared(NamedTuple):
    """A request that passed: the receiving device and queue, sizes of metadata and linear part."""

    device: ModelDevice
    queue: int
    metadata: int
    linear: int

    def frame(self, data: bytes, room: int, kind: type[_Frame]) -> _Frame:
        """*data* in memory of *room* bytes, with its metadata and fragments in place."""
        frame = kind.of(data[: self.linear], HEADROOM - self.metadata, room)
        frame.start += self.metadata
        rest = range(self.linear, len(data), PAGE_SIZE)
        frame.frags = [bytearray(data[offset : offset + PAGE_SIZE]) for offset in rest]
        return frame


def prepare(program: ModelProgram, request: Request) -> Prepared:
    """Check *request* in the kernel's order."""
    _check_program(program, request)
    metadata, linear = _check_sizes(program, request)
    device, queue = _receiving_queue(program, request.context)
    if len(request.data) - linear > MAX_FRAGS * PAGE_SIZE:
        raise KernelError(ENOMEM)
    return Prepared(device, queue, metadata, linear)


def _check_program(program: ModelProgram, request: Request) -> None:
    """The program's attach type, then flags and its device, then the size of batches."""
    release = program.release
    for_entry = program.attach_type in (BPF_XDP_DEVMAP, BPF_XDP_CPUMAP)
    if for_entry and release.has("test_run_refuses_entry_programs"):
        raise KernelError(EINVAL)
    known = BPF_F_TEST_XDP_LIVE_FRAMES if release.has("live_frames") else 0
    if request.flags & ~known or program.bound_to is not None:
        raise KernelError(EINVAL)
    if request.live and request.batch_size > MAX_BATCH:
        raise KernelError(E2BIG)
    if not request.live and request.batch_size:
        raise KernelError(EINVAL)


def _check_sizes(program: ModelProgram, request: Request) -> tuple[int, int]:
    """Bytes of metadata and of the linear part, which ``data`` and ``data_end`` give.

    Metadata is the beginning of the data, and lies in the headroom.
    """
    size, context = len(request.data), request.context
    metadata, linear = 0, size
    if context is not None:
        metadata, linear = context.get("data", 0), context.get("data_end", 0)
        exact = not program.release.has("test_run_linear_size")
        if (
            not program.release.has("test_run_ingress")
            or context.get("data_meta", 0)
            or linear > size
            or (exact and linear != size)
            or metadata > linear
            or (request.live and request.wants_data)
            or metadata % METADATA_UNIT
            or metadata > HEADROOM - FRAME_HEADER
        ):
            raise KernelError(EINVAL)
    room = live_room(program.release) if request.live else LINEAR_ROOM
    linear = min(linear, room - HEADROOM + metadata)
    if request.live and size > linear:
        raise KernelError(EINVAL)
    if size - metadata < ETHERNET_HEADER:
        raise KernelError(EINVAL)
    return metadata, linear


def _receiving_queue(
    program: ModelProgram, context: Mapping[str, int] | None
) -> tuple[ModelDevice, int]:
    """The device by its ifindex in the lab's namespace, or the loopback device there."""
    lab, members = program.lab, context or {}
    ifindex, queue = members.get("ingress_ifindex", 0), members.get("rx_queue_index", 0)
    if members.get("egress_ifindex", 0) or (queue and not ifindex):
        raise KernelError(EINVAL)
    if not ifindex:
        return lab.lo, 0
    device = lab.root.find(ifindex)
    if device is None:
        raise KernelError(ENODEV)
    if queue >= device.rx_queues:
        raise KernelError(EINVAL)
    return device, queue
