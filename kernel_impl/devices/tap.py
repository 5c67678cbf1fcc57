# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tap devices: the far end of the cable is a descriptor in our hands (``drivers/net/tun.c``).

A frame written runs through native XDP, flush included, before the write returns.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kernel_impl.descriptor import Descriptor
from kernel_impl.devices.device import KernelDevice
from kernel_impl.ifindex import new_ifindex
from spec.errors import KernelError

if TYPE_CHECKING:
    from kernel_impl.lab import KernelLab

CLONE_DEVICE = "/dev/net/tun"
TUNSETIFF, TUNSETIFINDEX = 0x400454CA, 0x400454DA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
LARGEST = 1 << 17


class TapDevice(KernelDevice):
    """A tap that lives as long as its descriptor."""

    def __init__(self, lab: KernelLab, name: str) -> None:
        ifindex = new_ifindex()
        self._far, self._sent = open_tap(name, ifindex), list[bytes]()
        super().__init__(lab, name, ifindex)
        self.up()

    def arrive(self, frame: bytes) -> None:
        try:
            os.write(self._far.fd, frame)
        except OSError as error:
            if error.errno != errno.EIO:  # a tap that is down
                raise KernelError(error.errno or 0) from None

    def begin_step(self) -> None:
        self._read()
        self._sent.clear()

    @property
    def sent(self) -> list[bytes]:
        self._read()
        return list(self._sent)

    @property
    def counters(self) -> Mapping[str, int]:
        self._read()  # a frame counts as sent once it has been read
        return super().counters

    def close(self) -> None:
        self._far.close()

    def _read(self) -> None:
        while True:
            try:
                self._sent.append(os.read(self._far.fd, LARGEST))
            except OSError:  # nothing more, or no device any more
                return


def open_tap(name: str, ifindex: int) -> Descriptor:
    """The far end of a new tap in the calling thread's namespace."""
    try:
        # Non-blocking: only such writes take the path that runs native XDP (tun_can_build_skb).
        far = Descriptor(os.open(CLONE_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
        fcntl.ioctl(far.fd, TUNSETIFINDEX, struct.pack("=I", ifindex))
        fcntl.ioctl(far.fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    except OSError as error:
        raise KernelError(error.errno or 0) from None
    return far
