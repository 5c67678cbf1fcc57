# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Carrying out ``XDP_REDIRECT`` for a driver's frame.

Mirrors ``net/core/filter.c: xdp_do_redirect, __xdp_do_redirect_frame``.
"""

from __future__ import annotations

from errno import EBADRQC, EINVAL, EOPNOTSUPP, EOVERFLOW
from typing import TYPE_CHECKING, Any

from spec.frame import FRAME_HEADER
from spec.redirect import broadcast, cpu_queue
from spec.redirect.bulk import enqueue, enqueue_for_entry
from spec.redirect.helpers import BY_IFINDEX
from spec.trace import Redirect, RedirectErr
from spec.uapi import BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS, MapType, Verdict

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor

_DEVMAP = MapType.BPF_MAP_TYPE_DEVMAP
_DEVMAP_HASH = MapType.BPF_MAP_TYPE_DEVMAP_HASH
_CPUMAP = MapType.BPF_MAP_TYPE_CPUMAP
_XSKMAP = MapType.BPF_MAP_TYPE_XSKMAP
_REDIRECT = int(Verdict.XDP_REDIRECT)
SIGN = 0x80000000
"""The bit that makes a C ``int`` negative."""


def do_redirect(
    cpu: Processor,
    ingress: ModelDevice,
    frame: Frame,
    program: ModelProgram,
    rx_queue: int = 0,
) -> int:
    """Give *frame* to the target that the redirect state names: 0, or a negative errno.

    After an error the caller still owns the frame, and drops it.
    """
    map, index, target = cpu.map, cpu.tgt_index, cpu.tgt_value
    map_type = map.type
    if frame.frags and not cpu.release.has(_needed_for_frags(map_type)):
        return -EOPNOTSUPP
    cpu.consume()
    err: int
    if map_type is _XSKMAP:
        err = target.redirect(cpu, ingress, frame, rx_queue)
    elif frame.meta < FRAME_HEADER:
        err = -EOVERFLOW
    elif map_type is _DEVMAP or map_type is _DEVMAP_HASH:
        if cpu.flags & BPF_F_BROADCAST:
            exclude_ingress = bool(cpu.flags & BPF_F_EXCLUDE_INGRESS)
            err = broadcast.enqueue_to_all(cpu, map, frame, ingress, exclude_ingress)
        else:
            err = enqueue_for_entry(cpu, target, frame, ingress)
    elif map_type is _CPUMAP:
        err = cpu_queue.enqueue(cpu, target, frame, ingress)
    elif map is BY_IFINDEX:
        device = ingress.namespace.find(index)
        err = -EINVAL if device is None else enqueue(cpu, device, frame, ingress, None)
    else:
        err = -EBADRQC
    trace_redirect(cpu, ingress, program, err, map, index, target)
    return err


def _needed_for_frags(map_type: MapType | None) -> str:
    """The change since which such a target takes fragments; before, not even a trace was left."""
    if map_type is _CPUMAP:
        return "frags"
    return "frags_to_sockets" if map_type is _XSKMAP else "frags_redirected"


def trace_redirect(
    cpu: Processor,
    ingress: ModelDevice,
    program: ModelProgram,
    err: int,
    map: Any,
    index: int,
    target: Any,
) -> None:
    """``xdp_redirect`` or ``xdp_redirect_err`` (``trace/events/xdp.h: xdp_redirect_template``).

    Both target and index are C ``int`` there, so large ones are told as negative numbers.

    The index is read from the state only now: if the program of an entry ran meanwhile, because
    its queue was full or the path is the generic one, and called a helper, its wish is shown.
    """
    if cpu.names_map:
        index = cpu.tgt_index
    to_ifindex, map_id = 0, map.id
    if map.type is _DEVMAP or map.type is _DEVMAP_HASH:
        if target is not None:
            to_ifindex = target.device.ifindex
    elif map is BY_IFINDEX:
        to_ifindex, index = signed(index), 0
        if not cpu.names_map:
            map_id = 0
    kind = RedirectErr if err else Redirect
    told = to_ifindex, map_id, signed(index)
    cpu.trace.append((kind, program.id, _REDIRECT, ingress.ifindex, err, *told))


def signed(number: int) -> int:
    """32 bits as a C ``int``."""
    return (number ^ SIGN) - SIGN
