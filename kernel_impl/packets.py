# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The packet socket of a namespace: frames put on a device, and frames its stack got to see."""

from __future__ import annotations

import socket
import struct
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from spec.errors import KernelError
from spec.socket_buffers import SMALL_HEAD

ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_STATISTICS, PACKET_AUXDATA, PACKET_QDISC_BYPASS = 6, 8, 20
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
TP_STATUS_VLAN_VALID = 1 << 4
LARGEST = 1 << 17
_AUXDATA = struct.Struct("=IIIHHHH")
ETH_ADDRESSES = 12
SMALL_HEADS = Path("/sys/kernel/slab/skbuff_small_head/object_size")


def small_head() -> int:
    """Bytes that a small packet of the stack gets (``SKB_SMALL_HEAD_CACHE_SIZE``).

    What is usual where the kernel does not tell: it has no such cache, or only root may know.
    """
    try:
        return int(SMALL_HEADS.read_text(encoding="ascii"))
    except OSError:
        return SMALL_HEAD


class PacketSocket:
    """One ``AF_PACKET`` socket for every device in the namespace in which it was made.

    One, because closing each waits for an RCU grace period.
    """

    def __init__(self) -> None:
        self.received: dict[str, list[bytes]] = defaultdict(list)
        self.sent: dict[str, list[bytes]] = defaultdict(list)
        self._socket = socket.socket(
            socket.AF_PACKET,
            socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
            socket.htons(ETH_P_ALL),
        )
        with suppress(PermissionError):
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
        self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self._socket.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)

    def send(self, name: str, frame: bytes) -> None:
        """Send *frame* out of the device *name*, whatever its queueing discipline."""
        try:
            self._socket.sendto(frame, (name, ETH_P_ALL))
        except OSError as error:
            raise KernelError(error.errno or 0) from None

    def read(self) -> None:
        """Sort what has come in since the last time by device."""
        while True:
            try:
                frame, ancillary, _, address = self._socket.recvmsg(LARGEST, 64)
            except BlockingIOError:
                break
            name, _, kind, _, _ = address
            frames = self.sent if kind == PACKET_OUTGOING else self.received
            for level, option, data in ancillary:
                if (level, option) == (SOL_PACKET, PACKET_AUXDATA):
                    frame = _with_vlan(frame, data)
            frames[name].append(frame)
        _, dropped = struct.unpack("=II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if dropped:
            raise RuntimeError(f"{dropped} frames did not fit; let fewer frames arrive at once")

    def begin_step(self) -> None:
        """Forget every frame so far."""
        self.read()
        self.received.clear()
        self.sent.clear()

    def close(self) -> None:
        self._socket.close()


def _with_vlan(frame: bytes, auxiliary: bytes) -> bytes:
    """*frame* as it was on the wire: the kernel takes the VLAN tag out and reports it beside."""
    status, *_, tag, protocol = _AUXDATA.unpack_from(auxiliary)
    if not status & TP_STATUS_VLAN_VALID:
        return frame
    inserted = struct.pack("!HH", protocol, tag)
    return frame[:ETH_ADDRESSES] + inserted + frame[ETH_ADDRESSES:]
