# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One netlink socket: a request out, its answers in, the kernel's refusal as ``KernelError``."""

from __future__ import annotations

import socket
import struct
from typing import Any

from spec.errors import KernelError

SOL_NETLINK = 270
NETLINK_CAP_ACK, NETLINK_EXT_ACK = 10, 11
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 0x001, 0x004, 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLMSGERR_ATTR_MSG = 1

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")


class NetlinkSocket:
    """Bound to the network namespace in which it was made, wherever the thread goes later."""

    def __init__(self, family: int) -> None:
        self.socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family
        )
        self.socket.bind((0, 0))
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK):
            self.socket.setsockopt(SOL_NETLINK, option, 1)
        self._sequence = 0

    def request(self, kind: int, message: Any, flags: int = 0) -> list[Any]:
        """The answers to *message*, of its own class; ``KernelError`` with the kernel's text."""
        self._sequence += 1
        message["header"] = {
            "type": kind,
            "flags": NLM_F_REQUEST | NLM_F_ACK | flags,
            "sequence_number": self._sequence,
            "pid": 0,
        }
        message.encode()
        self.socket.send(message.data)
        answers: list[Any] = []
        while True:
            for kind, sequence, raw in _split(self.socket.recv(1 << 17)):
                if sequence != self._sequence:
                    continue
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    _raise_refusal(raw)
                    return answers
                answer = type(message)(raw)
                answer.decode()
                answers.append(answer)

    def close(self) -> None:
        self.socket.close()


def _split(data: bytes) -> list[tuple[int, int, bytes]]:
    parts = []
    while len(data) >= _HEADER.size:
        length, kind, _, sequence, _ = _HEADER.unpack_from(data)
        parts.append((kind, sequence, data[:length]))
        data = data[length + 3 & ~3 :]
    return parts


def _raise_refusal(raw: bytes) -> None:
    (code,) = struct.unpack_from("=i", raw, _HEADER.size)
    if not code:
        return
    # NETLINK_CAP_ACK: after the code comes the header of our request alone.
    attributes, reason = raw[_HEADER.size + 4 + _HEADER.size :], ""
    while len(attributes) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(attributes)
        if kind == NLMSGERR_ATTR_MSG:
            reason = attributes[_ATTRIBUTE.size : length].rstrip(b"\0").decode()
        attributes = attributes[max(length, _ATTRIBUTE.size) + 3 & ~3 :]
    raise KernelError(-code, reason)
