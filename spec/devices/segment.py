# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A TCP segment in an Ethernet frame, as far as merging segments asks.

Offsets are in bytes from the start of the frame; fields are in network byte order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spec.frame import Frame

ETHERNET, IPV4, IPV6 = 14, 0x0800, 0x86DD
IPV4_SIZE, IPV6_SIZE, TCP_SIZE = 20, 40, 20
PROTOCOL_TCP = 6
FLAGS = {"FIN": 0x01, "SYN": 0x02, "RST": 0x04, "PSH": 0x08, "URG": 0x20, "CWR": 0x80}
MAY_DIFFER = FLAGS["FIN"] | FLAGS["PSH"] | FLAGS["CWR"]
DONT_FRAGMENT, MORE_OR_OFFSET = 0x4000, 0x3FFF


class Segment:
    """One segment; ``exact`` says whether the IP header agrees with the frame's length."""

    __slots__ = ("_data", "_tcp", "_version", "exact", "payload")

    @classmethod
    def of(cls, frame: Frame) -> Segment | None:
        """``None`` if *frame* is nothing that could be merged with anything."""
        segment = cls(frame.data())
        return segment if segment.is_whole() else None

    def __init__(self, data: bytes) -> None:
        self._data = bytearray(data)
        self._version = {IPV4: 4, IPV6: 6}.get(self._half(12), 0)
        self._tcp = ETHERNET + (IPV4_SIZE if self._version == 4 else IPV6_SIZE)
        self.exact = False
        self.payload = b""

    def is_whole(self) -> bool:
        """Whether the headers are there and right; the checksum of what is exact, too."""
        data = self._data
        if not self._version or len(data) < self._tcp + TCP_SIZE or not self._ip_is_plain():
            return False
        size = data[self._tcp + 12] >> 4 << 2
        if size < TCP_SIZE or len(data) < self._tcp + size:
            return False
        self.payload = bytes(data[self._tcp + size :])
        self.exact = self._length() == len(data) and not (
            self._version == 4 and self._half(20) & ~DONT_FRAGMENT & 0xFFFF
        )
        return (
            not self.exact or _sum(self._pseudo(len(data) - self._tcp), data[self._tcp :]) == 0xFFFF
        )

    # What is compared.

    @property
    def stream(self) -> bytes:
        """What all segments of a stream have in common."""
        data, tcp = self._data, self._tcp
        fields = data[:14] + data[tcp : tcp + 4]
        if self._version == 4:
            return bytes(fields + data[26:34])
        flow_label = bytes([data[15] & 0x0F]) + data[16:18]
        return bytes(fields + flow_label + data[22:54])

    @property
    def constant(self) -> bytes:
        """What all segments that are merged have in common beside."""
        data, tcp = self._data, self._tcp
        flags = bytes([data[tcp + 13] & ~MAY_DIFFER])
        fields = data[tcp + 8 : tcp + 13] + flags + data[tcp + 14 : tcp + 16]
        options = data[tcp + TCP_SIZE : tcp + self._tcp_size]
        if self._version == 4:
            return bytes(fields + options + data[15:16] + data[22:23] + bytes([self.unfragmented]))
        traffic_class = bytes([data[14] & 0x0F, data[15] & 0xF0])
        return bytes(fields + options + traffic_class + data[21:22])

    @property
    def sequence(self) -> int:
        """Of the first byte of the payload."""
        return int.from_bytes(self._data[self._tcp + 4 : self._tcp + 8], "big")

    @property
    def identified(self) -> bool:
        """Whether the packet has an identification at all."""
        return self._version == 4

    @property
    def identification(self) -> int:
        """Of the IPv4 packet."""
        return self._half(18) if self._version == 4 else 0

    @property
    def unfragmented(self) -> bool:
        """Whether the IPv4 packet must stay in one piece."""
        return self._version == 4 and bool(self._half(20) & DONT_FRAGMENT)

    @property
    def header_size(self) -> int:
        """IP and TCP header."""
        return self._tcp - ETHERNET + self._tcp_size

    def has(self, flag: str) -> bool:
        """Whether the TCP flag is set."""
        return bool(self._data[self._tcp + 13] & FLAGS[flag])

    # What merging changes.

    def add_flags(self, later: Segment) -> None:
        """The packet ends as its last segment does."""
        ends = later._data[later._tcp + 13] & (FLAGS["FIN"] | FLAGS["PSH"])
        self._data[self._tcp + 13] |= ends

    def with_payload(self, payload: bytes | bytearray) -> bytes:
        """The segment as a packet with all of *payload* (``tcp4_gro_complete``).

        Its TCP checksum is that of the pseudo header alone, for the device to complete.
        """
        data = self._data[: self._tcp + self._tcp_size]
        length = self._tcp_size + len(payload)
        if self._version == 4:
            data[16:18] = (IPV4_SIZE + length).to_bytes(2, "big")
            data[24:26] = bytes(2)
            data[24:26] = (~_sum(data[14:34]) & 0xFFFF).to_bytes(2, "big")
        else:
            data[18:20] = length.to_bytes(2, "big")
        data[self._tcp + 16 : self._tcp + 18] = _sum(self._pseudo(length)).to_bytes(2, "big")
        return bytes(data + payload)

    # Headers.

    @property
    def _tcp_size(self) -> int:
        return self._data[self._tcp + 12] >> 4 << 2

    def _ip_is_plain(self) -> bool:
        data = self._data
        if self._version == 6:
            return data[20] == PROTOCOL_TCP
        return (
            data[14] == 0x45
            and data[23] == PROTOCOL_TCP
            and not self._half(20) & MORE_OR_OFFSET
            and _sum(data[14:34]) == 0xFFFF
        )

    def _length(self) -> int:
        """Of the frame, says the IP header."""
        return ETHERNET + (self._half(16) if self._version == 4 else IPV6_SIZE + self._half(18))

    def _pseudo(self, length: int) -> bytes:
        addresses = self._data[26:34] if self._version == 4 else self._data[22:54]
        return bytes(addresses) + PROTOCOL_TCP.to_bytes(4, "big") + length.to_bytes(4, "big")

    def _half(self, offset: int) -> int:
        return int.from_bytes(self._data[offset : offset + 2], "big")


def _sum(*parts: bytes | bytearray) -> int:
    """The ones' complement sum of 16-bit words, not inverted."""
    total = 0
    for part in parts:
        padded = bytes(part) + bytes(len(part) % 2)
        total += sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
