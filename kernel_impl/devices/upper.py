# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Devices that frames reach through others: macvlan, bridge, ifb; and the loopback device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_impl.devices.device import KernelDevice
from kernel_impl.ifindex import LOOPBACK, new_ifindex
from kernel_impl.netlink.links import IFF_UP
from spec.errors import InputError
from spec.lab import Device

if TYPE_CHECKING:
    from kernel_impl.lab import KernelLab

GROUP_BIT = 1
"""The bit of the first octet that multicast and broadcast addresses have."""
MACVLAN_MODE_BRIDGE = "bridge"
SILENT_BRIDGE = (
    ("IFLA_BR_STP_STATE", 0),
    ("IFLA_BR_MCAST_SNOOPING", 0),
    ("IFLA_BR_MCAST_QUERIER", 0),
)


class UpperDevice(KernelDevice):
    """A device that frames reach only through another."""

    def arrive(self, frame: bytes) -> None:  # noqa: ARG002
        raise InputError(
            f"{self}.receive", "frames reach it only through another device", "use that device"
        )


class MacvlanDevice(UpperDevice):
    """A further address on *lower*; goes when *lower* goes."""

    def __init__(self, lab: KernelLab, name: str, ifindex: int, lower: KernelDevice) -> None:
        super().__init__(lab, name, ifindex)
        self._lower: KernelDevice = lower
        while isinstance(self._lower, MacvlanDevice):  # beside it, not on top
            self._lower = self._lower._lower
        self._received_before = 0
        self._lower.dependents.append(self)

    def begin_step(self) -> None:
        self._received_before = self.counters["rx_packets"]

    def group_frames(self) -> int:
        """How many such frames *lower* received in this step."""
        return sum(frame[0] & GROUP_BIT for frame in self._lower.received)

    def waiting(self) -> int:
        """Group frames that *lower* received and a kernel thread has yet to hand over.

        ``drivers/net/macvlan.c: macvlan_broadcast_enqueue``
        """
        group = self.group_frames()
        missing = group - len(self.received)
        if missing <= 0:
            return 0
        link = self._link()
        if not link["flags"] & IFF_UP:
            return 0
        if _has_program(link):  # which may keep frames from being seen
            missing = group - (self.counters["rx_packets"] - self._received_before)
        return max(missing, 0)


def _has_program(link: Any) -> bool:
    attached = link.get_attr("IFLA_XDP")
    return attached is not None and bool(attached.get_attr("IFLA_XDP_ATTACHED"))


class LoopbackDevice(KernelDevice):
    """``lo``: what it sends, it receives."""

    def __init__(self, lab: KernelLab) -> None:
        super().__init__(lab, "lo", LOOPBACK)

    def arrive(self, frame: bytes) -> None:
        self.network.packets.send(self.name, frame)


def ifb(lab: KernelLab, name: str) -> KernelDevice:
    """An intermediate functional block device, up."""
    ifindex = new_ifindex()
    lab.network.links.create("ifb", name, ifindex)
    device = UpperDevice(lab, name, ifindex)
    device.up()
    return device


def macvlan(lab: KernelLab, name: str, lower: Device) -> KernelDevice:
    """A macvlan on top of *lower*, up."""
    if not isinstance(lower, KernelDevice):
        raise InputError(f"{lower}", "not a device of this lab", "use one that the lab made")
    ifindex = new_ifindex()
    lab.network.links.create(
        "macvlan",
        name,
        ifindex,
        [("IFLA_LINK", lower.ifindex)],
        [("IFLA_MACVLAN_MODE", MACVLAN_MODE_BRIDGE)],
    )
    device = MacvlanDevice(lab, name, ifindex, lower)
    device.up()
    return device


def bridge(lab: KernelLab, name: str, ports: tuple[Device, ...]) -> KernelDevice:
    """A bridge over *ports*, up, that says nothing of its own."""
    ifindex = new_ifindex()
    lab.network.links.create("bridge", name, ifindex, data=SILENT_BRIDGE)
    device = UpperDevice(lab, name, ifindex)
    for port in ports:
        lab.network.links.change(port.ifindex, ("IFLA_MASTER", ifindex))
    device.up()
    return device
