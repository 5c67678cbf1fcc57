# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``BPF_F_BROADCAST``: one frame to every entry of a map.

Mirrors ``kernel/bpf/devmap.c: dev_map_enqueue_multi, dev_map_redirect_multi``. Every entry but
the last gets a copy, and gets it only when the next usable entry has been found; the last gets
the frame itself.
"""

from __future__ import annotations

from errno import ENOENT, ENOMEM, EOPNOTSUPP, EOVERFLOW
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.frame import PAGE_SIZE
from spec.redirect.bulk import push

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame
    from spec.maps.devmap import Devmap
    from spec.maps.entry import DeviceEntry
    from spec.redirect.processor import Processor

MAX_UPPER_DEVICES = 8
"""``MAX_NEST_DEV``: upper devices that there is room for beside the receiving one."""


def enqueue_to_all(
    cpu: Processor, map: Devmap | None, frame: Frame, ingress: ModelDevice, exclude_ingress: bool
) -> int:
    """Queue *frame* for every usable entry: 0, even if there is none, or a negative errno.

    Entries whose device cannot take the frame are skipped without a word
    (``dev_map_enqueue_multi``).
    """
    if map is None:
        return -ENOENT
    try:
        excluded = excluded_ifindexes(cpu, ingress) if exclude_ingress else frozenset()
    except KernelError as error:
        return -(error.errno or 0)
    length, refusal = len(frame), clone_error(cpu, frame)
    last: DeviceEntry | None = None
    shown: Frame | None = None
    for entry in map.entries():
        device = entry.device
        if not usable(device, frame, length) or device.ifindex in excluded:
            continue
        if last is not None:
            if refusal:
                return refusal
            if not is_only_shown(cpu, last):
                copy = frame.clone()
            elif shown is None:
                copy = shown = frame.clone()
            else:
                copy = shown
            push(cpu, last.device, copy, ingress, last.program)
        last = entry
    if last is None:
        frame.drop()
    else:
        push(cpu, last.device, frame, ingress, last.program)
    return 0


def clone_error(cpu: Processor, frame: Frame) -> int:
    """Why *frame* can't be copied to one page (``devmap.c: dev_map_enqueue_clone``), or 0."""
    if frame.frags and cpu.release.has("clone_refuses_frags"):
        return -EOPNOTSUPP
    return -ENOMEM if frame.end > PAGE_SIZE else 0


def is_only_shown(cpu: Processor, entry: DeviceEntry) -> bool:
    """Whether nobody will change the copy for *entry*, which may then be one with other copies.

    A queue runs the program of the first frame in it, which is not always that of the entry.
    """
    device = entry.device
    if not device.only_shows or entry.program is not None:
        return False
    return device.bulk_queues[cpu.number].program is None


def usable(device: ModelDevice, frame: Frame, length: int) -> bool:
    """Whether *device* could take *frame* of *length* bytes right now (``is_valid_dst``)."""
    return (
        device.ndo_xmit
        and device.is_up
        and length <= device.frame_limit
        and (device.ndo_xmit_sg or not frame.frags)
    )


def excluded_ifindexes(cpu: Processor, ingress: ModelDevice) -> frozenset[int]:
    """The ifindexes that ``BPF_F_EXCLUDE_INGRESS`` leaves out (``get_upper_ifindexes``).

    Numbers are compared, so an equal number in another namespace is left out too.
    """
    uppers = ingress.uppers if cpu.release.has("exclude_upper_devices") else []
    if len(uppers) > MAX_UPPER_DEVICES and cpu.release.has("excluded_devices_bounded"):
        raise KernelError(EOVERFLOW)
    return frozenset([ingress.ifindex, *(upper.ifindex for upper in uppers)])
