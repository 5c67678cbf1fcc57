# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The way up the stack for socket buffers that a driver without NAPI hands over.

Mirrors ``net/core/dev.c: enqueue_to_backlog, process_backlog``.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame
    from spec.redirect.processor import Processor

MAX_BACKLOG = 1000
"""``net.core.netdev_max_backlog``; one more than that finds room."""


class Backlog:
    """The queue of one CPU. What came while it is polled waits apart, and counts alone."""

    __slots__ = ("_came", "_taken")

    def __init__(self) -> None:
        self._came: deque[tuple[ModelDevice, Frame]] = deque()
        self._taken: deque[tuple[ModelDevice, Frame]] = deque()

    def add(self, cpu: Processor, device: ModelDevice, frame: Frame) -> bool:
        """*frame* is for the stack of *device*; whether there was room (``__netif_rx``)."""
        if len(self._came) > MAX_BACKLOG:
            device.rx_dropped += 1
            frame.drop()
            return False
        if not self._came and not self._taken:
            cpu.schedule(self)
        self._came.append((device, frame))
        return True

    def poll(self, cpu: Processor, budget: int) -> int:
        """At most *budget* packets."""
        done = 0
        while done < budget and (self._taken or self._came):
            if not self._taken:
                self._taken, self._came = self._came, self._taken
            device, frame = self._taken[0]
            cpu.count(device.name)
            if device.is_up:
                device.deliver(cpu, frame)
            else:
                frame.drop()
            # Not before: whoever adds a packet meanwhile need not schedule the queue again.
            self._taken.popleft()
            done += 1
        return done

    def abandon(self) -> None:
        """Lose what waits."""
        self._came.clear()
        self._taken.clear()
