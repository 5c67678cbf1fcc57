# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Network devices and namespaces of a lab."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager

from spec.interface.program import Program
from spec.trace import EventLog


class Device(ABC):
    """A network device of the lab."""

    name: str
    ifindex: int

    @property
    @abstractmethod
    def mtu(self) -> int:
        """Largest packet in bytes, without the Ethernet header; assignable."""

    @mtu.setter
    @abstractmethod
    def mtu(self, value: int) -> None: ...

    @property
    @abstractmethod
    def peer(self) -> Device | None:
        """The other end of a veth pair."""

    @abstractmethod
    def up(self) -> None: ...

    @abstractmethod
    def down(self) -> None: ...

    @abstractmethod
    def remove(self) -> None:
        """Unregister the device; for a veth, its peer goes too."""

    @abstractmethod
    def move(self, namespace: Namespace) -> None:
        """Move the device to another network namespace (it keeps its ifindex here)."""

    @abstractmethod
    def attach(self, program: Program, mode: str = "native") -> None:
        """Attach *program*, replacing one in the same *mode* (``"native"`` or ``"generic"``)."""

    @abstractmethod
    def detach(self) -> None:
        """Remove the attached program; without one, nothing happens."""

    @abstractmethod
    def offload(self, feature: str, on: bool) -> None:
        """Switch an ethtool feature: ``"gro"`` as in ``ethtool -K eth0 gro on``."""

    @abstractmethod
    def receive(self, *frames: bytes) -> EventLog:
        """Let *frames* arrive at this device one by one, each in a NAPI cycle of its own.

        Begins a new step: ``sent`` and ``received`` of every device start out empty.
        """

    @property
    @abstractmethod
    def sent(self) -> list[bytes]:
        """Frames that left through this device since the last step began."""

    @property
    @abstractmethod
    def received(self) -> list[bytes]:
        """Frames that this device handed to the network stack since the last step began."""

    @property
    @abstractmethod
    def counters(self) -> Mapping[str, int]:
        """``rx_packets``, ``tx_packets``, ``rx_dropped``, ``tx_dropped``, as in ``ip -s link``."""

    @property
    @abstractmethod
    def statistics(self) -> Mapping[str, int]:
        """The driver's own counters, as in ``ethtool -S``; empty where it has none."""

    @property
    @abstractmethod
    def xdp_features(self) -> frozenset[str]:
        """``basic``, ``redirect``, ``ndo-xmit``, …: the names of the netdev netlink family."""

    def __repr__(self) -> str:
        return self.name


class Namespace(ABC):
    """A network namespace beside the lab's own."""

    @abstractmethod
    def inside(self) -> AbstractContextManager[object]:
        """While it lasts, elements of maps are stored by a process in this namespace."""

    @abstractmethod
    def close(self) -> None: ...
