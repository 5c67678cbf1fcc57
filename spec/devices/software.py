# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Devices without native XDP: loopback, ifb, macvlan and bridge.

Mirrors ``drivers/net/{loopback,ifb,macvlan}.c`` and ``net/bridge``. None of them
takes redirected frames from native XDP; generic XDP sends through them.
"""

from __future__ import annotations

from errno import EBUSY, EINVAL, ELOOP, EOPNOTSUPP
from typing import TYPE_CHECKING

from spec.devices.device import ModelDevice
from spec.devices.packet_socket import socket_buffer
from spec.errors import InputError, KernelError
from spec.frame import Frame

if TYPE_CHECKING:
    from spec.model import ModelLab
    from spec.redirect.processor import Processor

_GROUP_BIT = 1
"""The bit of the first destination octet that multicast and broadcast addresses have."""


class SoftwareDevice(ModelDevice):
    """A device without a wire: ``sent`` has what went through the stack's own sending path."""

    def queue_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """``dev_queue_xmit_nit`` shows the frame to whoever watches."""
        if self.carries:
            self.note_sent([frame])
        return super().queue_xmit(cpu, frame)

    def inject(self, cpu: Processor, data: bytes) -> None:  # noqa: ARG002
        """There is no way in but through another device."""
        problem = "frames reach it only through another device"
        raise InputError(f"{self.name}.receive", problem, "use that device")


class Loopback(SoftwareDevice):
    """What it sends, it receives (``loopback_xmit``)."""

    movable = False
    initial_mtu = 65536
    min_mtu = 0
    max_mtu = 0

    def inject(self, cpu: Processor, data: bytes) -> None:
        """A program on the machine sends *data* through the device."""
        self.start_xmit(cpu, socket_buffer(self, data))
        cpu.run_softirqs()

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """Back up the stack."""
        if cpu.backlog.add(cpu, self, frame):
            self.tx_packets += 1
            self.rx_packets += 1
        return True

    def remove(self) -> None:
        """The loopback device lives as long as its namespace (``rtnl_delete_link``)."""
        raise KernelError(EOPNOTSUPP)


class Ifb(SoftwareDevice):
    """Works on frames that traffic control sends there, and drops all others (``ifb_xmit``)."""

    min_mtu = 0
    max_mtu = 0

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:  # noqa: ARG002
        """What XDP redirects does not come from traffic control."""
        self.rx_packets += 1
        self.rx_dropped += 1
        return True


class Macvlan(SoftwareDevice):
    """A further address on the device below, through which it sends.

    On top of another macvlan, it is beside it (``macvlan_common_newlink``).
    """

    def __init__(self, lab: ModelLab, name: str, ifindex: int, lower: ModelDevice) -> None:
        super().__init__(lab, name, ifindex)
        self.lower: ModelDevice = lower
        while isinstance(self.lower, Macvlan):
            self.lower = self.lower.lower
        lower = self.lower
        self.max_mtu = lower.max_mtu
        self._set_mtu(lower.mtu)
        lower.uppers.append(self)

    def check_mtu(self, value: int) -> None:
        """``macvlan_change_mtu``: no more than that of the device below."""
        if value > self.lower.mtu:
            raise KernelError(EINVAL)

    def lower_changed_mtu(self, lower: ModelDevice) -> None:
        """An MTU that is now too large comes down with it (``macvlan_device_event``)."""
        if self.mtu > lower.mtu:
            self.mtu = lower.mtu

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """``macvlan_start_xmit``: out of the device below, in the ordinary way.

        Group frames are for the other macvlans there, too (``macvlan_queue_xmit``).
        """
        if is_group(frame):
            for other in self.lower.uppers:
                if other is not self and isinstance(other, Macvlan):
                    other.receive_from_lower(cpu, self.lower, frame)
        if self.lower.queue_xmit(cpu, frame):
            self.tx_packets += 1
        else:
            self.tx_dropped += 1
        return True

    def receive_from_lower(self, cpu: Processor, lower: ModelDevice, frame: Frame) -> bool:  # noqa: ARG002
        """``macvlan_handle_frame``: group addresses reach every macvlan."""
        if self.is_up and is_group(frame):
            self.rx_packets += 1
            cpu.backlog.add(cpu, self, frame.copy())
        return False

    def lower_unregisters(self, lower: ModelDevice, moves: bool) -> None:  # noqa: ARG002
        """Without a device below there is no macvlan, but that one may live elsewhere.

        ``macvlan_device_event``
        """
        if not moves:
            self.unregister()

    def unregister(self) -> None:
        """The device below is free of it."""
        if self in self.lower.uppers:
            self.lower.uppers.remove(self)
        super().unregister()


class Bridge(SoftwareDevice):
    """A switch with *ports*, itself one more of them (``br_dev_xmit``, ``br_handle_frame``)."""

    movable = False

    def __init__(
        self, lab: ModelLab, name: str, ifindex: int, ports: tuple[ModelDevice, ...]
    ) -> None:
        super().__init__(lab, name, ifindex)
        self.ports: list[ModelDevice] = []
        self._learnt: dict[bytes, ModelDevice] = {}
        self._mtu_is_chosen = False
        for port in ports:
            self.add_port(port)

    def add_port(self, port: ModelDevice) -> None:
        """``do_set_master``, ``br_add_if``: a port of another bridge changes sides."""
        for upper in port.uppers:
            if isinstance(upper, Bridge):
                upper.drop_port(port)
                break
        if isinstance(port, Loopback):
            raise KernelError(EINVAL)
        if isinstance(port, Bridge):
            raise KernelError(ELOOP, "Can not enslave a bridge to a bridge")
        if port.uppers:
            raise KernelError(EBUSY)
        self.ports.append(port)
        port.uppers.append(self)
        self._follow_mtu()

    def drop_port(self, port: ModelDevice) -> None:
        """``br_del_if``."""
        self.ports.remove(port)
        port.uppers.remove(self)
        self._forget_learnt(port)
        self._follow_mtu()

    def check_mtu(self, value: int) -> None:  # noqa: ARG002
        """``br_change_mtu``: from now on the MTU is what the user says."""
        self._mtu_is_chosen = True

    def lower_changed_mtu(self, lower: ModelDevice) -> None:  # noqa: ARG002
        """``br_device_event``."""
        self._follow_mtu()

    def lower_lost_carrier(self, lower: ModelDevice) -> None:
        """What was seen there is forgotten (``br_stp_disable_port``)."""
        self._forget_learnt(lower)

    def _forget_learnt(self, port: ModelDevice) -> None:
        self._learnt = {mac: other for mac, other in self._learnt.items() if other is not port}

    def _follow_mtu(self) -> None:
        """``br_mtu_auto_adjust``: as large as the smallest of the ports."""
        if not self._mtu_is_chosen:
            self._set_mtu(min((port.mtu for port in self.ports), default=self.initial_mtu))

    def _forwards(self, port: ModelDevice) -> bool:
        """Without a carrier, on either side, a port is disabled (``br_port_carrier_check``)."""
        return self.is_up and port.carries

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """To the port where the destination was seen, else to all."""
        self.tx_packets += 1
        self._forward(cpu, frame, None)
        return True

    def receive_from_lower(self, cpu: Processor, lower: ModelDevice, frame: Frame) -> bool:
        """A port received *frame*: learn its source, forward it, keep group frames too."""
        if self._forwards(lower):
            self._learnt[bytes(frame.data()[6:12])] = lower
            self._forward(cpu, frame, lower)
            if is_group(frame):
                self.rx_packets += 1
                self.deliver(cpu, frame)
        return True

    def _forward(self, cpu: Processor, frame: Frame, origin: ModelDevice | None) -> None:
        known = None if is_group(frame) else self._learnt.get(bytes(frame.data()[:6]))
        for port in [known] if known is not None else self.ports:
            fits = len(frame) <= port.frame_limit
            if port is not origin and self._forwards(port) and fits:
                port.queue_xmit(cpu, frame.clone() if not frame.frags else frame.sharing())

    def lower_unregisters(self, lower: ModelDevice, moves: bool) -> None:  # noqa: ARG002
        """A port less (``br_device_event``)."""
        self.drop_port(lower)

    def unregister(self) -> None:
        """Its ports are ordinary devices again."""
        for port in list(self.ports):
            self.drop_port(port)
        super().unregister()


def check_macvlan_below(lower: ModelDevice) -> None:
    """``macvlan_port_create``: whether *lower* can have a macvlan on top."""
    if isinstance(lower, Loopback):
        raise KernelError(EINVAL)
    if any(isinstance(upper, Bridge) for upper in lower.uppers):
        raise KernelError(EBUSY)


def is_group(frame: Frame) -> bool:
    """Whether *frame* is for a multicast or broadcast address."""
    return bool(frame.memory[frame.start] & _GROUP_BIT)
