# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What every network device of the model shares, whatever its driver.

Mirrors ``struct net_device`` and ``net/core/dev.c``.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import EINVAL, ENODEV
from typing import TYPE_CHECKING

from spec.devices import attachment
from spec.errors import InputError, KernelError
from spec.lab import Device, Namespace, Program
from spec.redirect.bulk import BulkQueue
from spec.redirect.generic import run_generic
from spec.trace import EventLog

if TYPE_CHECKING:
    from spec.devices.namespace import ModelNamespace
    from spec.frame import Frame
    from spec.model import ModelLab
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor
    from spec.redirect.xsk import ModelSocket

ETHERNET_HEADER = 14
VLAN_HEADER = 4
"""What a frame may be longer than MTU and Ethernet header together."""
MIN_MTU = 68


class ModelDevice(Device):
    """A device, up or down, in one namespace.

    ``ndo_xmit`` and ``ndo_xmit_sg`` say whether redirected frames, and those with fragments, are
    taken; drivers keep them up to date. ``uppers`` are the devices directly on top.
    """

    native = False
    """Whether the driver runs programs (``ndo_bpf``)."""
    movable = True
    """Whether the device may leave its namespace (``netns_immutable``)."""
    initial_mtu = 1500
    min_mtu = MIN_MTU
    max_mtu = 65535

    def __init__(self, lab: ModelLab, name: str, ifindex: int) -> None:
        self.lab = lab
        self.release = lab.release_table
        self.name = name
        self.ifindex = ifindex
        self.namespace: ModelNamespace = lab.root
        self.registered = True
        self.is_up = False
        self.ndo_xmit = self.ndo_xmit_sg = False
        self.native_program: ModelProgram | None = None
        self.generic_program: ModelProgram | None = None
        self.uppers: list[ModelDevice] = []
        self.socket: ModelSocket | None = None
        self.bulk_queues = [BulkQueue(self) for _ in range(lab.cpus)]
        self.rx_packets = self.tx_packets = self.rx_dropped = self.tx_dropped = 0
        self._sent: list[Frame] = []
        self._received: list[Frame] = []
        self._set_mtu(self.initial_mtu)
        self.namespace.add(self)

    # State that users set.

    @property
    def mtu(self) -> int:
        """``dev.c: netif_set_mtu_ext``: out of the driver's range is ``EINVAL``."""
        return self._mtu

    @mtu.setter
    def mtu(self, value: int) -> None:
        self.check_registered()
        if value < self.min_mtu:
            raise KernelError(EINVAL, "mtu less than device minimum")
        if self.max_mtu and value > self.max_mtu:
            raise KernelError(EINVAL, "mtu greater than device maximum")
        self._set_mtu(value)

    def _set_mtu(self, value: int) -> None:
        self._mtu = value
        self.frame_limit = value + ETHERNET_HEADER + VLAN_HEADER

    @property
    def peer(self) -> ModelDevice | None:
        """Only a veth has one."""
        return None

    def up(self) -> None:
        """``dev.c: netif_open``; a device that is up stays so."""
        self.check_registered()
        if not self.is_up:
            self.is_up = True
            self.opened()

    def down(self) -> None:
        """``dev.c: netif_close``."""
        self.check_registered()
        if self.is_up:
            self.is_up = False
            self.closed()

    def opened(self) -> None:
        """The driver's part of coming up."""

    def closed(self) -> None:
        """The driver's part of going down."""

    def remove(self) -> None:
        """``dev.c: unregister_netdevice_many_notify``."""
        self.check_registered()
        self.unregister()

    def unregister(self) -> None:
        """Leave every map, lose the program, go."""
        if not self.registered:
            return
        self.down()
        self.registered = False
        self.lab.announce_unregister(self)
        self.native_program = self.generic_program = None
        self.namespace.drop(self)
        self.lab.forget_device(self)

    def move(self, namespace: Namespace) -> None:
        """``dev.c: __dev_change_net_namespace``: the device goes down and leaves every map."""
        self.check_registered()
        target = self.lab.own_namespace(namespace)
        if not self.movable:
            raise KernelError(EINVAL, "The interface netns is immutable")
        self.down()
        self.lab.announce_unregister(self)
        self.namespace.drop(self)
        self.namespace = target
        target.add(self)

    def attach(self, program: Program, mode: str = "native") -> None:
        """``dev.c: dev_xdp_attach``."""
        self.check_registered()
        attachment.attach(self, self.lab.own_program(program), mode)

    def detach(self) -> None:
        """Remove the program of either mode."""
        self.check_registered()
        attachment.detach(self)

    def install(self, program: ModelProgram | None) -> None:
        """The driver's ``ndo_bpf`` with ``XDP_SETUP_PROG``; an error changes nothing."""
        self.native_program = program

    def offload(self, feature: str, on: bool) -> None:
        """Devices other than veth take ``gro`` without consequence."""
        self.check_registered()
        if feature != "gro":
            raise InputError(f"device {self.name}", f"no feature {feature!r}", 'use "gro"')
        self.request_gro(on)

    def request_gro(self, on: bool) -> None:
        """The driver's part of switching GRO."""

    # Frames.

    def receive(self, *frames: bytes) -> EventLog:
        """Let *frames* arrive one by one."""
        self.check_registered()
        self.lab.begin_step()
        for frame in frames:
            self.inject(self.lab.processors[0], frame)
        return self.lab.events()

    def inject(self, cpu: Processor, data: bytes) -> None:
        """One frame arrives from outside, in a NAPI cycle of its own."""
        raise NotImplementedError

    def xdp_transmit(self, cpu: Processor, frames: list[Frame], flush: bool) -> int:
        """``ndo_xdp_xmit``: how many of *frames* were taken, or a negative errno."""
        raise NotImplementedError

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """``ndo_start_xmit``: whether the driver took *frame*, if only to drop it."""
        raise NotImplementedError

    def queue_xmit(self, cpu: Processor, frame: Frame) -> None:
        """Send *frame* the ordinary way (``dev.c: __dev_queue_xmit``)."""
        if self.is_up:
            self.start_xmit(cpu, frame)

    def enter_stack(self, cpu: Processor, frame: Frame) -> None:
        """*frame* goes up the stack, past generic XDP."""
        self.note_received(frame)
        for upper in self.uppers:
            upper.receive_from_lower(cpu, self, frame)

    def deliver(self, cpu: Processor, frame: Frame) -> None:
        """*frame* goes up the stack if generic XDP lets it (``__netif_receive_skb_core``)."""
        program = self.generic_program
        if program is None or run_generic(cpu, self, frame, program):
            self.enter_stack(cpu, frame)

    def receive_from_lower(self, cpu: Processor, lower: ModelDevice, frame: Frame) -> None:
        """What an upper device does with a frame that *lower* received (``rx_handler``)."""

    def lower_unregisters(self, lower: ModelDevice) -> None:
        """The device below is being unregistered."""

    def note_sent(self, frame: Frame) -> None:
        """Remember *frame* for ``sent``."""
        if not self._sent:
            self.lab.touched.append(self)
        self._sent.append(frame)

    def note_received(self, frame: Frame) -> None:
        """Remember *frame* for ``received``."""
        if not self._received:
            self.lab.touched.append(self)
        self._received.append(frame)

    def begin_step(self) -> None:
        """Forget what was sent and received."""
        self._sent, self._received = [], []

    @property
    def sent(self) -> list[bytes]:
        """Frames that left, as they are on the wire."""
        return [frame.data() for frame in self._sent]

    @property
    def received(self) -> list[bytes]:
        """Frames for the stack, with their Ethernet header."""
        return [frame.data() for frame in self._received]

    # What users see.

    @property
    def counters(self) -> Mapping[str, int]:
        """``struct rtnl_link_stats64``."""
        return {
            "rx_packets": self.rx_packets,
            "tx_packets": self.tx_packets,
            "rx_dropped": self.rx_dropped,
            "tx_dropped": self.tx_dropped,
        }

    @property
    def xdp_features(self) -> frozenset[str]:
        """The bits of ``enum netdev_xdp_act``."""
        return frozenset()

    def check_registered(self) -> None:
        """``ENODEV`` once the device is gone."""
        if not self.registered:
            raise KernelError(ENODEV)
