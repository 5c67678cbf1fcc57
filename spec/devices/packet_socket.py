# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The packet socket through which the lab sends: what it refuses never reaches the device.

Mirrors ``net/packet/af_packet.c: packet_snd``. Sizes are bytes.
"""

from __future__ import annotations

from errno import EINVAL, EMSGSIZE, ENETDOWN
from typing import TYPE_CHECKING

from spec.devices.device import ETHERNET_HEADER, VLAN_HEADER
from spec.errors import KernelError
from spec.socket_buffers import from_packet_socket

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame

_ETH_P_8021Q = b"\x81\x00"


def socket_buffer(device: ModelDevice, data: bytes) -> Frame:
    """The packet that leaves for *device*.

    Checked in this order: ``ENETDOWN`` for a device that is down, ``EINVAL`` for less than an
    Ethernet header, ``EMSGSIZE`` for more than MTU and header. Only a frame with a customer's
    VLAN tag may be four bytes longer (``packet_extra_vlan_len_allowed``).
    """
    if not device.is_up:
        raise KernelError(ENETDOWN)
    if len(data) < ETHERNET_HEADER:
        raise KernelError(EINVAL)
    tag = VLAN_HEADER if data[12:14] == _ETH_P_8021Q else 0
    if len(data) > device.mtu + ETHERNET_HEADER + tag:
        raise KernelError(EMSGSIZE)
    return from_packet_socket(data, device.lab.small_head)
