# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The way up the stack for socket buffers that a driver without NAPI hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame
    from spec.redirect.processor import Processor


class Backlog:
    """A socket buffer on its way up the stack (``net/core/dev.c: process_backlog``)."""

    __slots__ = ("device", "frame")

    def __init__(self, device: ModelDevice, frame: Frame) -> None:
        self.device, self.frame = device, frame

    def poll(self, cpu: Processor, budget: int) -> int:  # noqa: ARG002
        """One packet."""
        if self.device.is_up:
            self.device.deliver(cpu, self.frame)
        return 1
