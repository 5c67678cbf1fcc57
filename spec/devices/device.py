# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What every network device of the model shares, whatever its driver.

Mirrors ``struct net_device`` and ``net/core/dev.c``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from errno import EINVAL, ENODEV, ENOENT
from typing import TYPE_CHECKING

from spec.devices import attachment
from spec.errors import InputError, KernelError
from spec.frame import Frame
from spec.lab import Device, Namespace, Program
from spec.redirect.bulk import BulkQueue
from spec.redirect.generic import run_generic
from spec.trace import EventLog

if TYPE_CHECKING:
    from spec.devices.namespace import ModelNamespace
    from spec.model import ModelLab
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor
    from spec.redirect.xsk import ModelSocket

ETHERNET_HEADER = 14
VLAN_HEADER = 4
"""What a frame may be longer than MTU and Ethernet header together."""
MIN_MTU = 68
_VLAN_PROTOCOLS = (b"\x81\x00", b"\x88\xa8")
_SPOKEN = (0x0800, 0x0806, 0x86DD)
"""Protocols that every namespace takes frames of: IPv4, ARP and IPv6."""
_SMALLEST_PROTOCOL = 0x0600
"""Below it, the field is a length, and the frame one for 802.2."""


class ModelDevice(Device):
    """A device, up or down, in one namespace.

    ``ndo_xmit`` and ``ndo_xmit_sg`` say whether redirected frames, and those with fragments, are
    taken; drivers keep them up to date. ``uppers`` are the devices directly on top.
    """

    native = False
    """Whether the driver runs programs (``ndo_bpf``)."""
    movable = True
    """Whether the device may leave its namespace (``netns_immutable``)."""
    only_shows = False
    """Whether the driver never changes the frames that it sends."""
    straight_limit = 0
    """Bytes of the longest frame that may go straight; see ``straight.py``."""
    rx_queues = 1
    initial_mtu = 1500
    min_mtu = MIN_MTU
    max_mtu = 65535

    def __init__(
        self, lab: ModelLab, name: str, ifindex: int, namespace: ModelNamespace | None = None
    ) -> None:
        # What every frame asks for comes first: it lies together in the processor's cache.
        self.ifindex = ifindex
        self.bulk_queues = tuple(BulkQueue(self) for _ in range(lab.cpus))
        self.is_up = False
        self.ndo_xmit = self.ndo_xmit_sg = False
        self._set_mtu(self.initial_mtu)
        self._sent: list[Frame | bytes] = []
        self.rx_packets = self.tx_packets = self.rx_dropped = self.tx_dropped = 0
        self.lab = lab
        self.release = lab.release_table
        self.name = name
        self.namespace: ModelNamespace = namespace or lab.root
        self.registered = True
        self.gro = True
        self.native_program: ModelProgram | None = None
        self.generic_program: ModelProgram | None = None
        self.uppers: list[ModelDevice] = []
        self.sockets: dict[int, ModelSocket] = {}
        self._received: list[Frame] = []
        self.arrive: Callable[[Processor, bytes], None] = self.inject
        """How a frame gets in: ``inject()``, or something faster that does the same."""
        self.namespace.add(self)

    # State that users set.

    @property
    def mtu(self) -> int:
        """``dev.c: netif_set_mtu_ext``: out of the driver's range is ``EINVAL``."""
        self.check_registered()
        return self._mtu

    @mtu.setter
    def mtu(self, value: int) -> None:
        self.check_registered()
        if value < self.min_mtu:
            raise KernelError(EINVAL, "mtu less than device minimum")
        if self.max_mtu and value > self.max_mtu:
            raise KernelError(EINVAL, "mtu greater than device maximum")
        self.check_mtu(value)
        self._set_mtu(value)
        for upper in list(self.uppers):
            upper.lower_changed_mtu(self)

    def check_mtu(self, value: int) -> None:
        """The driver's own objections to an MTU (``ndo_change_mtu``)."""

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
            self.announce_no_carrier()

    def announce_no_carrier(self) -> None:
        """What is on top learns that nothing arrives any more."""
        for upper in self.uppers:
            upper.lower_lost_carrier(self)

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
        """``dev.c: __dev_change_net_namespace``: the device goes down and leaves every map.

        Not where it is there already: then nothing happens.
        """
        self.check_registered()
        target = self.lab.own_namespace(namespace)
        if not self.movable:
            raise KernelError(EINVAL, "The interface netns is immutable")
        if target is self.namespace:
            return
        self.down()
        self.lab.announce_unregister(self, moves=True)
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
        """Whether segments that arrive are merged; for a veth there is more to ``gro``."""
        self.check_registered()
        if feature != "gro":
            raise InputError(f"device {self.name}", f"no feature {feature!r}", 'use "gro"')
        self.request_gro(on)

    def request_gro(self, on: bool) -> None:
        """The driver's part of switching GRO."""
        self.gro = on

    # Frames.

    def receive(self, *frames: bytes) -> EventLog:
        """Let *frames* arrive one by one."""
        self.check_registered()
        return self.lab.step(self.arrive, frames)

    def inject(self, cpu: Processor, data: bytes) -> None:
        """One frame arrives from outside, in a NAPI cycle of its own."""
        raise NotImplementedError

    def xdp_transmit(self, cpu: Processor, frames: list[Frame], flush: bool) -> int:
        """``ndo_xdp_xmit``: how many of *frames* were taken, or a negative errno."""
        raise NotImplementedError

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """``ndo_start_xmit``: whether the driver took *frame*, if only to drop it."""
        raise NotImplementedError

    @property
    def carries(self) -> bool:
        """Whether what is sent arrives anywhere: the device is up and has a carrier."""
        return self.is_up

    def queue_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """Send *frame* the ordinary way; whether that looks like success to the sender.

        Without a carrier there is nothing but ``noop_qdisc``, which loses frames and calls that
        congestion (``dev.c: __dev_queue_xmit``, ``sch_generic.c: noop_enqueue``).
        """
        if not self.carries:
            self.tx_dropped += 1
            return True
        return self.start_xmit(cpu, frame)

    def enter_stack(self, cpu: Processor, frame: Frame) -> None:
        """*frame* goes up the stack, past generic XDP (``dev.c: __netif_receive_skb_core``).

        Who only watches, as the lab does, is served before VLAN tags and ``rx_handler``. If one
        of those has its turn and no protocol takes the frame after it, the frame is dropped.
        """
        self.note_received(frame)
        taken = False
        for upper in list(self.uppers):
            taken |= upper.receive_from_lower(cpu, self, frame)
        tagged, protocol = _protocol(frame)
        if not taken and (tagged or self.uppers) and not _is_spoken(protocol):
            self.rx_dropped += 1

    def deliver(self, cpu: Processor, frame: Frame) -> None:
        """*frame* goes up the stack if generic XDP lets it (``__netif_receive_skb_core``).

        It has no say on a frame that was redirected before (``netif_receive_generic_xdp``).
        """
        program = self.generic_program
        if program is None or frame.redirected or run_generic(cpu, self, frame, program):
            self.enter_stack(cpu, frame)

    def receive_from_lower(self, cpu: Processor, lower: ModelDevice, frame: Frame) -> bool:  # noqa: ARG002
        """What an upper device does with a frame that *lower* received (``rx_handler``).

        Whether it took the frame away from everybody else.
        """
        return False

    def lower_unregisters(self, lower: ModelDevice, moves: bool) -> None:
        """The device below is being unregistered, or *moves* to another namespace."""

    def lower_lost_carrier(self, lower: ModelDevice) -> None:
        """The device below is down, or the far end of its cable is."""

    def lower_changed_mtu(self, lower: ModelDevice) -> None:
        """``NETDEV_CHANGEMTU`` of the device below."""

    def abandon(self) -> None:
        """Lose the frames that wait here."""

    def note_sent(self, frames: list[Frame]) -> None:
        """Remember *frames* for ``sent``."""
        if not self._sent:
            self.lab.seen.append(self._sent)
        self._sent += frames

    def note_received(self, frame: Frame) -> None:
        """Remember *frame* for ``received``."""
        if not self._received:
            self.lab.seen.append(self._received)
        self._received.append(frame)

    @property
    def sent(self) -> list[bytes]:
        """Frames that left, as they are on the wire."""
        return [each.data() if isinstance(each, Frame) else bytes(each) for each in self._sent]

    @property
    def received(self) -> list[bytes]:
        """Frames for the stack, with their Ethernet header."""
        return [frame.data() for frame in self._received]

    # What users see.

    @property
    def counters(self) -> Mapping[str, int]:
        """``struct rtnl_link_stats64``."""
        self.check_registered()
        return {
            "rx_packets": self.rx_packets,
            "tx_packets": self.tx_packets,
            "rx_dropped": self.rx_dropped,
            "tx_dropped": self.tx_dropped,
        }

    @property
    def statistics(self) -> Mapping[str, int]:
        """Only veth counts more than ``counters``."""
        self.check_registered()
        return {}

    @property
    def xdp_features(self) -> frozenset[str]:
        """The bits of ``enum netdev_xdp_act``; before 6.3 nobody could be asked for them."""
        if not self.release.has("xdp_features"):
            raise KernelError(ENOENT)
        self.check_registered()
        return self.announced_features()

    def announced_features(self) -> frozenset[str]:
        """What the driver says about itself."""
        return frozenset()

    def check_registered(self) -> None:
        """``ENODEV`` once the device is gone."""
        if not self.registered:
            raise KernelError(ENODEV)


def _protocol(frame: Frame) -> tuple[bool, int]:
    """Whether *frame* has a VLAN tag, and the protocol in it (``skb_vlan_untag``)."""
    kind = slice(frame.start + 12, frame.start + 14)
    tagged = frame.memory[kind] in _VLAN_PROTOCOLS
    if tagged:
        kind = slice(kind.start + VLAN_HEADER, kind.stop + VLAN_HEADER)
    return tagged, int.from_bytes(frame.memory[kind], "big")


def _is_spoken(protocol: int) -> bool:
    return protocol in _SPOKEN or protocol < _SMALLEST_PROTOCOL
