# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An ``AF_XDP`` socket, as far as it receives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from spec.interface.device import Device


class Socket(ABC):
    """An ``AF_XDP`` socket in copy mode with its own buffers (``net/xdp/xsk.c``)."""

    fd: int

    @abstractmethod
    def bind(self, device: Device, queue: int = 0) -> None:
        """Bind to one receive queue of *device*; only frames from there are taken."""

    @abstractmethod
    def fill(self, count: int) -> None:
        """Hand *count* more buffers to the kernel through the fill ring."""

    @property
    @abstractmethod
    def received(self) -> list[bytes]:
        """Frames taken from the receive ring since the last step began; their buffers are lost
        until ``fill()`` hands out new ones.
        """

    @property
    @abstractmethod
    def statistics(self) -> Mapping[str, int]:
        """``rx_dropped``, ``rx_ring_full``, ``rx_fill_ring_empty_descs`` (``XDP_STATISTICS``)."""

    @abstractmethod
    def close(self) -> None: ...
