# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Generic receive offload: segments of one TCP stream go up the stack as one packet.

Mirrors ``net/core/gro.c: dev_gro_receive, skb_gro_receive``, ``net/ipv4/af_inet.c:
inet_gro_receive``, ``net/ipv6/ip6_offload.c: ipv6_gro_receive`` and ``net/ipv4/tcp_offload.c:
tcp_gro_receive``. Only TCP is merged; tunnels and extension headers are passed on as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec.devices.segment import Segment
from spec.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec.devices.device import ModelDevice

MOST_HELD = 8
"""``MAX_GRO_SKBS``."""
LARGEST = 65536
"""``GRO_LEGACY_MAX_SIZE``: a merged packet is smaller, IP header included."""
SETTLED = {"URG", "PSH", "RST", "SYN", "FIN"}
"""Flags of which nothing may follow in the same packet."""


class Held:
    """A packet that waits for more of its stream; ``first`` is its first segment."""

    __slots__ = ("count", "device", "first", "fixed_id", "frame", "payload", "size")

    def __init__(self, device: ModelDevice, frame: Frame, first: Segment) -> None:
        self.device, self.frame, self.first = device, frame, first
        self.payload = bytearray(first.payload)
        self.size = len(first.payload)
        self.count = 1
        self.fixed_id = False

    def is_stream_of(self, device: ModelDevice, frame: Frame, segment: Segment) -> bool:
        """Whether *frame* may belong to the same stream (``gro_list_prepare``)."""
        return (
            device is self.device
            and frame.metadata() == self.frame.metadata()
            and segment.stream == self.first.stream
        )

    def take(self, segment: Segment) -> bool:
        """Append *segment* if it continues the packet."""
        first = self.first
        if (
            segment.constant != first.constant
            or segment.has("CWR")
            or not 0 < len(segment.payload) <= self.size
            or segment.sequence != first.sequence + len(self.payload) & 0xFFFFFFFF
            or not self._identified(segment)
            or not segment.exact
            or first.header_size + len(self.payload) + len(segment.payload) >= LARGEST
        ):
            return False
        self.payload += segment.payload
        self.count += 1
        first.add_flags(segment)
        return True

    def packet(self) -> Frame:
        """The frame itself, or one with everything that was appended."""
        if self.count == 1:
            return self.frame
        return Frame.of(self.first.with_payload(self.payload))

    def _identified(self, segment: Segment) -> bool:
        """IPv4 packets count up, or all have the same number if they may not be fragmented."""
        step = segment.identification - self.first.identification & 0xFFFF
        if self.count == 1 and segment.unfragmented and step == 0:
            self.fixed_id = True
        return not segment.identified or step == (0 if self.fixed_id else self.count)


class Gro:
    """What one NAPI context, or one thread, holds back; *deliver* takes what goes up."""

    __slots__ = ("_deliver", "_held")

    def __init__(self, deliver: Callable[[ModelDevice, Frame], None]) -> None:
        self._deliver = deliver
        self._held: list[Held] = []

    def receive(self, device: ModelDevice, frame: Frame) -> None:
        """Append *frame* to what is held, hold it, or pass it on (``dev_gro_receive``)."""
        segment = None
        if device.gro and device.generic_program is None:
            segment = Segment.of(frame)
        if segment is None:
            self._deliver(device, frame)
            return
        held = next((one for one in self._held if one.is_stream_of(device, frame, segment)), None)
        merged = held is not None and held.take(segment)
        ends = any(segment.has(flag) for flag in SETTLED)
        ends |= len(segment.payload) < (held.size if held is not None and merged else 1)
        if held is not None and (ends or not merged):
            self._held.remove(held)
            self._deliver(held.device, held.packet())
        if merged:
            return
        if ends or not segment.exact:
            self._deliver(device, frame)
            return
        if len(self._held) >= MOST_HELD:
            oldest = self._held.pop()
            self._deliver(oldest.device, oldest.packet())
        self._held.insert(0, Held(device, frame, segment))

    def flush(self) -> None:
        """Everything goes up, the oldest first (``gro_flush_normal``)."""
        while self._held:
            oldest = self._held.pop()
            self._deliver(oldest.device, oldest.packet())
