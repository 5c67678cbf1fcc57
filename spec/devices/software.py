# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Devices without native XDP: loopback, macvlan and bridge.

Mirrors ``drivers/net/loopback.c``, ``drivers/net/macvlan.c`` and ``net/bridge``. None of them
takes redirected frames from native XDP; generic XDP sends through them.
"""

from __future__ import annotations

from errno import EBUSY, EINVAL, EOPNOTSUPP
from typing import TYPE_CHECKING

from spec.devices.backlog import Backlog
from spec.devices.device import ModelDevice
from spec.errors import InputError, KernelError
from spec.frame import Frame

if TYPE_CHECKING:
    from spec.model import ModelLab
    from spec.redirect.processor import Processor

_GROUP_BIT = 1
"""The bit of the first destination octet that multicast and broadcast addresses have."""


class SoftwareDevice(ModelDevice):
    """A device without a wire: ``sent`` has what went through the stack's own sending path."""

    def queue_xmit(self, cpu: Processor, frame: Frame) -> None:
        """``dev_queue_xmit_nit`` shows the frame to whoever watches."""
        if self.is_up:
            self.note_sent(frame)
            self.start_xmit(cpu, frame)

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
        self.start_xmit(cpu, Frame.of_socket_buffer(data))
        cpu.run_softirqs()

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """Back up the stack."""
        self.tx_packets += 1
        self.rx_packets += 1
        cpu.schedule(Backlog(self, frame))
        return True

    def remove(self) -> None:
        """The loopback device lives as long as its namespace (``rtnl_delete_link``)."""
        raise KernelError(EOPNOTSUPP)


class Macvlan(SoftwareDevice):
    """A further address on the device below, through which it sends."""

    def __init__(self, lab: ModelLab, name: str, ifindex: int, lower: ModelDevice) -> None:
        super().__init__(lab, name, ifindex)
        self.lower = lower
        self._set_mtu(lower.mtu)
        lower.uppers.append(self)

    @property
    def mtu(self) -> int:
        """No more than that of the device below."""
        return self._mtu

    @mtu.setter
    def mtu(self, value: int) -> None:
        if value > self.lower.mtu:
            raise KernelError(EINVAL)
        ModelDevice.mtu.fset(self, value)  # type: ignore[attr-defined]

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """``macvlan_start_xmit``: out of the device below, in the ordinary way."""
        if self.lower.is_up:
            self.tx_packets += 1
            self.lower.queue_xmit(cpu, frame)
        else:
            self.tx_dropped += 1
        return True

    def receive_from_lower(self, cpu: Processor, lower: ModelDevice, frame: Frame) -> None:  # noqa: ARG002
        """``macvlan_handle_frame``: group addresses reach every macvlan."""
        if self.is_up and is_group(frame):
            self.rx_packets += 1
            self.note_received(frame)

    def lower_unregisters(self, lower: ModelDevice) -> None:  # noqa: ARG002
        """Without a device below there is no macvlan (``macvlan_device_event``)."""
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
        for port in ports:
            self.add_port(port)

    def add_port(self, port: ModelDevice) -> None:
        """``br_add_if``: neither a loopback device nor a port of another bridge."""
        if isinstance(port, Loopback | Bridge):
            raise KernelError(EINVAL)
        if any(isinstance(upper, Bridge) for upper in port.uppers):
            raise KernelError(EBUSY)
        self.ports.append(port)
        port.uppers.append(self)

    def drop_port(self, port: ModelDevice) -> None:
        """``br_del_if``."""
        self.ports.remove(port)
        port.uppers.remove(self)
        self._learnt = {mac: other for mac, other in self._learnt.items() if other is not port}

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """To the port where the destination was seen, else to all."""
        self.tx_packets += 1
        self._forward(cpu, frame, None)
        return True

    def receive_from_lower(self, cpu: Processor, lower: ModelDevice, frame: Frame) -> None:
        """A port received *frame*: learn its source, forward it, keep group frames too."""
        if not self.is_up:
            return
        self._learnt[bytes(frame.data()[6:12])] = lower
        if is_group(frame):
            self.rx_packets += 1
            self.note_received(frame)
        self._forward(cpu, frame, lower)

    def _forward(self, cpu: Processor, frame: Frame, origin: ModelDevice | None) -> None:
        known = None if is_group(frame) else self._learnt.get(bytes(frame.data()[:6]))
        for port in [known] if known is not None else self.ports:
            if port is not origin and len(frame) <= port.frame_limit:
                port.queue_xmit(cpu, frame.clone() if not frame.frags else frame.sharing())

    def lower_unregisters(self, lower: ModelDevice) -> None:
        """A port less (``br_device_event``)."""
        self.drop_port(lower)

    def unregister(self) -> None:
        """Its ports are ordinary devices again."""
        for port in list(self.ports):
            self.drop_port(port)
        super().unregister()


def is_group(frame: Frame) -> bool:
    """Whether *frame* is for a multicast or broadcast address."""
    return bool(frame.memory[frame.start] & _GROUP_BIT)
