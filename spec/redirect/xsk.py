# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``AF_XDP`` sockets as targets of a redirect.

Mirrors ``net/xdp/xsk.c: xsk_bind, xsk_rcv_check, __xsk_rcv, xsk_generic_rcv``. Nothing falls back
to the stack: a frame that a socket does not take is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import EBADF, EBUSY, EINVAL, ENOBUFS, ENODEV, ENOMEM, ENOSPC, ENXIO
from typing import TYPE_CHECKING

from spec.errors import InputError, KernelError
from spec.frame import HEADROOM
from spec.lab import Device, Socket
from spec.redirect.test_request import QUEUES

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame
    from spec.model import ModelLab


class ModelSocket(Socket):
    """A socket in copy mode, with buffers of *frame_size* bytes that are used up by receiving.

    Either ring has *ring* entries, a power of two.
    """

    def __init__(self, lab: ModelLab, ring: int, fill: int, frame_size: int) -> None:
        if ring < 1 or ring & ring - 1:
            raise KernelError(EINVAL)
        self.lab = lab
        self.fd = lab.install(self)
        self._ring_size = ring
        self._spare = 0
        self._room = frame_size - HEADROOM
        self._filled = 0
        self.fill(fill)
        self._device: ModelDevice | None = None
        self._ring: list[Frame] = []
        self._taken: list[Frame] = []
        self._rx_dropped = self._rx_ring_full = self._fill_ring_empty = 0

    def bind(self, device: Device, queue: int = 0) -> None:
        """``xsk_bind``: to a queue that the device has and no other socket is bound to."""
        self._check_open()
        own = self.lab.own_device(device)
        if self._device is not None:
            raise KernelError(EBUSY)
        if self.lab.root.find(own.ifindex) is not own:
            raise KernelError(ENODEV)
        if queue >= QUEUES:
            raise KernelError(EINVAL)
        if own.socket is not None:
            raise KernelError(EBUSY)
        self._device, own.socket = own, self

    def unbind(self) -> None:
        """The device is being unregistered (``xsk_notifier``), or the socket closed."""
        if self._device is not None:
            self._device.socket = None
            self._device = None

    def fill(self, count: int) -> None:
        """Hand out *count* more buffers, as many as the fill ring has room for."""
        self._check_open()
        room = self._ring_size - self._filled
        if count > room:
            raise InputError("socket.fill", f"no room for {count} buffers", f"at most {room} now")
        self._filled += count

    def receive(self, ingress: ModelDevice, frame: Frame) -> int:
        """Take *frame* that came in by *ingress*: 0 or a negative errno.

        Checked in this order: bound at all, bound there, room in a buffer, a buffer, room in the
        ring. A buffer that found no room in the ring is kept for the next frame.
        """
        new = self.lab.release_table.has("socket_errnos")
        if self._device is None:
            return -ENXIO if new else -EINVAL
        if self._device is not ingress:
            return -EINVAL
        if len(frame) > self._room:
            self._rx_dropped += 1
            return -ENOSPC
        if self._spare:
            self._spare -= 1
        elif self._filled:
            self._filled -= 1
        else:
            self._fill_ring_empty += 1
            self._rx_dropped += 1
            return -ENOMEM if new else -ENOSPC
        if len(self._ring) >= self._ring_size:
            self._spare += 1
            self._rx_ring_full += 1
            return -ENOBUFS
        if not self._ring and not self._taken:
            self.lab.touched.append(self)
        self._ring.append(frame)
        return 0

    @property
    def received(self) -> list[bytes]:
        """Empties the ring."""
        self._taken += self._ring
        self._ring = []
        return [frame.data() for frame in self._taken]

    def begin_step(self) -> None:
        """Forget what was received."""
        self._ring, self._taken = [], []

    @property
    def statistics(self) -> Mapping[str, int]:
        """``xsk_getsockopt`` with ``XDP_STATISTICS``."""
        self._check_open()
        return {
            "rx_dropped": self._rx_dropped,
            "rx_ring_full": self._rx_ring_full,
            "rx_fill_ring_empty_descs": self._fill_ring_empty,
        }

    def close(self) -> None:
        """``xsk_release``: the socket leaves every map."""
        self.unbind()
        self.lab.uninstall(self)
        self.lab.announce_close(self)

    def _check_open(self) -> None:
        if self.lab.socket_of(self.fd) is not self:
            raise KernelError(EBADF)
