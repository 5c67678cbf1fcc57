# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What every device of a live lab can do."""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kernel_impl.ethtool import SIOCETHTOOL, statistics
from kernel_impl.libbpf import ffi
from kernel_impl.namespace import NetworkNamespace
from spec.errors import InputError, KernelError
from spec.lab import Device, Namespace, Program
from spec.trace import EventLog
from spec.uapi import XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE

if TYPE_CHECKING:
    from kernel_impl.lab import KernelLab

MODES = {"native": XDP_FLAGS_DRV_MODE, "generic": XDP_FLAGS_SKB_MODE}
NATIVE = ("xdp", "xdpmulti")
"""pyroute2's names of what ``IFLA_XDP_ATTACHED`` says."""
COUNTERS = ("rx_packets", "tx_packets", "rx_dropped", "tx_dropped")
ETHTOOL_COMMANDS = {"rx": 0x15, "tx": 0x17, "sg": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
"""``ETHTOOL_S…`` for the short names that ``ethtool -K`` takes."""


class KernelNamespace(Namespace):
    """A network namespace beside the lab's own."""

    def __init__(self, network: NetworkNamespace, lab: KernelLab) -> None:
        self.network, self._lab = network, lab

    @contextmanager
    def inside(self) -> Iterator[None]:
        """While it lasts, system calls made by this thread act in this namespace."""
        before, self._lab.caller = self._lab.caller, self.network
        try:
            with self.network.inside():
                yield
        finally:
            self._lab.caller = before

    def close(self) -> None:
        """The devices in it go with it, and have gone when this returns."""
        if self.network.descriptor.fd < 0:
            return
        for device in self._lab.devices_in(self.network):
            device.vanish()
        self.network.links.remove_ours()
        self._lab.forget_namespace(self.network)
        self.network.close()


class KernelDevice(Device):
    """A device that netlink knows by its ifindex."""

    def __init__(self, lab: KernelLab, name: str, ifindex: int) -> None:
        self.lab, self.name, self.ifindex = lab, name, ifindex
        self.network, self.registered = lab.network, True
        self.dependents: list[KernelDevice] = []
        """Devices that go when this one goes."""
        lab.remember(self)

    @property
    def mtu(self) -> int:
        mtu: int = self._link().get_attr("IFLA_MTU")
        return mtu

    @mtu.setter
    def mtu(self, value: int) -> None:
        self.network.links.change(self.ifindex, ("IFLA_MTU", value & 0xFFFFFFFF))

    @property
    def peer(self) -> KernelDevice | None:
        return None

    def up(self) -> None:
        self.network.links.set_up(self.ifindex, True)

    def down(self) -> None:
        self.network.links.set_up(self.ifindex, False)

    def remove(self) -> None:
        self.network.links.remove(self.ifindex)
        self.vanish()

    def vanish(self) -> None:
        """The kernel has no such device any more."""
        self.registered = False
        while self.dependents:
            self.dependents.pop().vanish()
        self.lab.forget(self)
        self.close()

    def move(self, namespace: Namespace) -> None:
        if not isinstance(namespace, KernelNamespace):
            raise InputError(f"{self}.move", "not a namespace of this lab", "use lab.namespace()")
        target = namespace.network
        self.network.links.change(self.ifindex, ("IFLA_NET_NS_FD", target.descriptor.fd))
        self.network = target

    def attach(self, program: Program, mode: str = "native") -> None:
        if mode not in MODES:
            raise InputError(f"{self}.attach", f"no mode {mode!r}", f"one of {', '.join(MODES)}")
        self.network.links.attach_xdp(self.ifindex, program.fd, MODES[mode])

    def detach(self) -> None:
        for flags in MODES.values():
            self.network.links.attach_xdp(self.ifindex, -1, flags)

    def offload(self, feature: str, on: bool) -> None:
        if feature not in ETHTOOL_COMMANDS:
            known = ", ".join(ETHTOOL_COMMANDS)
            raise InputError(f"{self}.offload", f"no feature {feature!r}", f"one of {known}")
        value = ffi.new("uint32_t[2]", [ETHTOOL_COMMANDS[feature], on])
        request = struct.pack("16sQ16x", self.name.encode(), int(ffi.cast("uintptr_t", value)))
        with self.network.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            try:
                fcntl.ioctl(any_socket, SIOCETHTOOL, request)
            except OSError as error:
                raise KernelError(error.errno or 0) from None

    def receive(self, *frames: bytes) -> EventLog:
        if not self.registered:
            raise KernelError(errno.ENODEV)
        self.lab.begin_step()
        for frame in frames:
            self.arrive(frame)
            self.lab.settle()
        return self.lab.settled_events() if frames else self.lab.events()

    @abstractmethod
    def arrive(self, frame: bytes) -> None:
        """Let one frame arrive; where the device is down, the frame is lost."""

    def begin_step(self) -> None:
        """Forget what was sent before."""

    @property
    def sent(self) -> list[bytes]:
        self.network.packets.read()
        return list(self.network.packets.sent[self.name])

    @property
    def received(self) -> list[bytes]:
        self.network.packets.read()
        return list(self.network.packets.received[self.name])

    @property
    def counters(self) -> Mapping[str, int]:
        statistics = self.network.links.statistics(self.ifindex)
        return {name: statistics[name] for name in COUNTERS}

    @property
    def statistics(self) -> Mapping[str, int]:
        with self.network.inside():
            return statistics(self.name)

    @property
    def xdp_features(self) -> frozenset[str]:
        return self.network.netdev.xdp_features(self.ifindex)

    @property
    def has_native_program(self) -> bool:
        """Whether a program is attached in native mode."""
        attached = self._link().get_attr("IFLA_XDP")
        return attached is not None and attached.get_attr("IFLA_XDP_ATTACHED") in NATIVE

    def close(self) -> None:
        """Give up what the device holds outside the kernel's list of links."""

    def _link(self) -> Any:
        return self.network.links.get(self.ifindex)
