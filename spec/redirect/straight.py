# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The straight way: redirect and flush of a frame that has the bulk queue of its target to itself.

It says nothing new: for such a frame this is what ``native.do_redirect()`` and ``cpu.flush()`` do
one after the other. It stands apart because it costs half as much, and most frames that arrive
at a tap go this way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec.frame import FRAME_HEADER
from spec.trace import DevmapXmit, Redirect
from spec.uapi import BPF_F_BROADCAST, MapType, Verdict

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame
    from spec.maps.entry import DeviceEntry
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor

_DEVMAP = MapType.BPF_MAP_TYPE_DEVMAP
_DEVMAP_HASH = MapType.BPF_MAP_TYPE_DEVMAP_HASH
_REDIRECT = int(Verdict.XDP_REDIRECT)
_U32 = 0xFFFFFFFF


def redirect_straight(
    cpu: Processor, ingress: ModelDevice, frame: Frame, program: ModelProgram
) -> bool:
    """Give *frame* to the driver of its target at once; if it must go the long way, do nothing.

    It may go straight to a device that can take it, through an entry without a program, while
    nothing waits for a flush.
    """
    map = cpu.map
    if (map.type is not _DEVMAP and map.type is not _DEVMAP_HASH) or cpu.flags & BPF_F_BROADCAST:
        return False
    entry: DeviceEntry = cpu.tgt_value
    device = entry.device
    if (
        entry.program is not None
        or not device.ndo_xmit
        or not device.is_up
        or frame.end - frame.start > device.frame_limit
        or frame.frags
        or frame.meta < FRAME_HEADER
        or cpu.flush_list
        or cpu.cpu_flush_list
        or cpu.socket_flush_list
    ):
        return False
    index, to_ifindex = cpu.tgt_index & _U32, device.ifindex
    cpu.consume()
    trace = cpu.trace
    trace.append((Redirect, program.id, _REDIRECT, ingress.ifindex, 0, to_ifindex, map.id, index))
    sent = device.xdp_transmit(cpu, [frame], True)
    if sent == 1:
        trace.append((DevmapXmit, ingress.ifindex, _REDIRECT, to_ifindex, 0, 1, 0))
    else:
        frame.drop()
        trace.append((DevmapXmit, ingress.ifindex, _REDIRECT, to_ifindex, 1, 0, sent))
    return True
