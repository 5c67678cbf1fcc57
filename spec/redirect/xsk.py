# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``AF_XDP`` sockets as targets of a redirect.

Mirrors ``net/xdp/xsk.c: xsk_bind, xsk_rcv_check, __xsk_rcv, xsk_flush``. Nothing falls back
to the stack: a frame that a socket does not take is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import EBADF, EBUSY, EINVAL, ENOBUFS, ENODEV, ENOMEM, ENOSPC, ENXIO
from typing import TYPE_CHECKING

from spec.errors import InputError, KernelError
from spec.frame import HEADROOM
from spec.lab import Device, Socket

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.frame import Frame
    from spec.model import ModelLab
    from spec.redirect.processor import Processor


class OtherSocket:
    """A socket of another family, which no map takes."""

    def __init__(self, lab: ModelLab) -> None:
        self.fd = lab.install(self)


BUFFER_SIZES = (2048, 4096)
"""Powers of two from ``XDP_UMEM_MIN_CHUNK_SIZE`` to the size of a page."""


class ModelSocket(Socket):
    """A socket in copy mode, with buffers of *frame_size* bytes that are used up by receiving.

    Either ring has *ring* entries, a power of two.
    """

    def __init__(self, lab: ModelLab, ring: int, fill: int, frame_size: int) -> None:
        if frame_size not in BUFFER_SIZES or ring < 1 or ring & ring - 1:
            raise KernelError(EINVAL)
        self.lab = lab
        self.fd = lab.install(self)
        self._ring_size = ring
        self._room = frame_size - HEADROOM
        self._filled = self._spare = self._unreleased = 0
        self.fill(fill)
        self._device: ModelDevice | None = None
        self._queue = 0
        self._was_bound = False
        self._unpublished: list[bytes] = []
        self._ring: list[bytes] = []
        self._taken: list[bytes] = []
        self._rx_dropped = self._rx_ring_full = self._fill_ring_empty = 0

    def bind(self, device: Device, queue: int = 0) -> None:
        """``xsk_bind``: to a queue that the device has and no other socket is bound to."""
        self._check_open()
        own = self.lab.own_device(device)
        if self._was_bound:
            raise KernelError(EBUSY)
        if self.lab.root.find(own.ifindex) is not own:
            raise KernelError(ENODEV)
        if queue >= own.rx_queues:
            raise KernelError(EINVAL)
        if queue in own.sockets:
            raise KernelError(EBUSY)
        self._device, self._queue, self._was_bound = own, queue, True
        own.sockets[queue] = self

    def unbind(self) -> None:
        """The device is being unregistered (``xsk_notifier``), or the socket closed.

        There is no way back: a socket is bound once in its life.
        """
        if self._device is not None:
            del self._device.sockets[self._queue]
            self._device = None

    def fill(self, count: int) -> None:
        """Hand out *count* more buffers, as many as the fill ring has room for."""
        self._check_open()
        room = self._ring_size - self._filled - self._unreleased
        if count > room:
            raise InputError("socket.fill", f"no room for {count} buffers", f"at most {room} now")
        self._filled += count

    def redirect(
        self, cpu: Processor, ingress: ModelDevice, frame: Frame, rx_queue: int = 0
    ) -> int:
        """Take *frame*, which user space sees at the flush (``__xsk_map_redirect``)."""
        err = self._take(ingress, frame, rx_queue)
        if not err:
            frame.drop()
            if self not in cpu.socket_flush_list:
                cpu.socket_flush_list.insert(0, self)
        return err

    def redirect_generic(self, ingress: ModelDevice, frame: Frame) -> int:
        """Take *frame*, which user space sees at once (``xsk_generic_rcv``)."""
        err = self._take(ingress, frame)
        self.publish()
        return err

    def publish(self) -> None:
        """User space sees what was put into one ring and taken from the other (``xsk_flush``)."""
        self._unreleased = 0
        if self._unpublished and not self._ring and not self._taken:
            self.lab.seen += self._ring, self._taken
        self._ring += self._unpublished
        self._unpublished = []

    def _take(self, ingress: ModelDevice, frame: Frame, rx_queue: int = 0) -> int:
        """0 or a negative errno, checked in this order (``xsk_rcv_check``, ``__xsk_rcv``).

        Bound at all, bound there, room in a buffer, a buffer, room in the ring. A buffer that
        found no room in the ring is kept for the next frame; for a frame with fragments it is
        not even taken.
        """
        new = self.lab.release_table.has("socket_errnos")
        if self._device is None:
            return -ENXIO if new else -EINVAL
        if self._device is not ingress or self._queue != rx_queue:
            return -EINVAL
        if len(frame) > self._room:
            self._rx_dropped += 1
            return -ENOSPC
        if not self._spare and not self._filled:
            self._fill_ring_empty += 1
            self._rx_dropped += 1
            return -ENOMEM if new else -ENOSPC
        full = len(self._ring) + len(self._unpublished) >= self._ring_size
        if not (full and frame.frags):
            if self._spare:
                self._spare -= 1
            else:
                self._filled -= 1
                self._unreleased += 1
        if full:
            self._spare += not frame.frags
            self._rx_ring_full += 1
            return -ENOBUFS if new else -ENOSPC
        self._unpublished.append(frame.data())
        return 0

    @property
    def received(self) -> list[bytes]:
        """Empties the ring."""
        self._taken += self._ring
        self._ring.clear()
        return list(self._taken)

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
