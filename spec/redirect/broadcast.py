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
from spec.redirect.bulk import forwarding_error, push

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
    last: DeviceEntry | None = None
    for entry in map.entries():
        if not usable(entry.device, frame) or entry.device.ifindex in excluded:
            continue
        if last is not None:
            err = _push_clone(cpu, last, frame, ingress)
            if err:
                return err
        last = entry
    if last is None:
        frame.drop()
    else:
        push(cpu, last.device, frame, ingress, last.program)
    return 0


def _push_clone(cpu: Processor, entry: DeviceEntry, frame: Frame, ingress: ModelDevice) -> int:
    """``devmap.c: dev_map_enqueue_clone``: a copy has one page for headroom and data."""
    if frame.frags and cpu.release.has("clone_refuses_frags"):
        return -EOPNOTSUPP
    if frame.end > PAGE_SIZE:
        return -ENOMEM
    push(cpu, entry.device, frame.clone(), ingress, entry.program)
    return 0


def usable(device: ModelDevice, frame: Frame) -> bool:
    """Whether *device* could take *frame* right now (``is_valid_dst``)."""
    return (
        device.ndo_xmit
        and (device.ndo_xmit_sg or not frame.frags)
        and not forwarding_error(device, len(frame))
    )


def excluded_ifindexes(cpu: Processor, ingress: ModelDevice) -> frozenset[int]:
    """The ifindexes that ``BPF_F_EXCLUDE_INGRESS`` leaves out (``get_upper_ifindexes``).

    Numbers are compared, so an equal number in another namespace is left out too.
    """
    uppers = ingress.uppers if cpu.release.has("exclude_upper_devices") else []
    if len(uppers) > MAX_UPPER_DEVICES and cpu.release.has("excluded_devices_bounded"):
        raise KernelError(EOVERFLOW)
    return frozenset([ingress.ifindex, *(upper.ifindex for upper in uppers)])
