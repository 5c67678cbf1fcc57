# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``AF_XDP`` sockets in copy mode, as far as they receive (``net/xdp/xsk.c``)."""

from __future__ import annotations

import errno
import mmap
import socket
import struct
import time
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from kernel_impl.libbpf import check_errno, ffi, libc
from spec.errors import InputError, KernelError
from spec.lab import Device, Socket

if TYPE_CHECKING:
    from kernel_impl.lab import KernelLab

PATIENCE_S = 1.0
AF_XDP, SOL_XDP = 44, 283
XDP_MMAP_OFFSETS, XDP_RX_RING, XDP_UMEM_REG = 1, 2, 4
XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_STATISTICS = 5, 6, 7
XDP_PGOFF_RX_RING, XDP_UMEM_PGOFF_FILL_RING = 0, 0x100000000
XDP_COPY = 2
STATISTICS = struct.Struct("=6Q")
OFFSETS = struct.Struct("=16Q")
"""Producer, consumer, entries and flags of the four rings: receive, send, fill, completion."""
DESCRIPTOR = struct.Struct("=QII")
ADDRESS = struct.Struct("=Q")
INDEX = struct.Struct("=I")


class Ring:
    """A ring that the kernel and we share; indexes run on and are taken modulo its size."""

    def __init__(
        self, fd: int, where: int, size: int, offsets: tuple[int, ...], entry: struct.Struct
    ):
        self._producer, self._consumer, self._entries, _ = offsets
        self._size, self._entry = size, entry
        self._memory = mmap.mmap(fd, self._entries + size * entry.size, offset=where)

    def put(self, *values: int) -> None:
        """One more entry, for the kernel."""
        index = self._read(self._producer)
        self._entry.pack_into(self._memory, self._place(index), *values)
        INDEX.pack_into(self._memory, self._producer, index + 1 & 0xFFFFFFFF)

    def take(self) -> list[tuple[int, ...]]:
        """Every entry that the kernel has put in."""
        first, end = self._read(self._consumer), self._read(self._producer)
        count = end - first & 0xFFFFFFFF
        entries = [
            self._entry.unpack_from(self._memory, self._place(first + step))
            for step in range(count)
        ]
        INDEX.pack_into(self._memory, self._consumer, end)
        return entries

    def room(self) -> int:
        """How many more entries fit."""
        used = self._read(self._producer) - self._read(self._consumer) & 0xFFFFFFFF
        return self._size - used

    def close(self) -> None:
        self._memory.close()

    def _read(self, offset: int) -> int:
        index: int = INDEX.unpack_from(self._memory, offset)[0]
        return index

    def _place(self, index: int) -> int:
        return self._entries + index % self._size * self._entry.size


class KernelSocket(Socket):
    """A socket with buffers of its own; made in the calling thread's namespace."""

    _left: ClassVar[set[tuple[int, int]]] = set()
    """Queues whose socket was closed; the kernel frees them a little later."""

    def __init__(self, lab: KernelLab, ring: int, fill: int, frame_size: int) -> None:
        self._lab, self._frame_size = lab, frame_size
        count = max(1, 2 * ring + fill)
        self._buffers = mmap.mmap(-1, count * frame_size)
        self._free = [index * frame_size for index in range(count)]
        self._received: list[bytes] = []
        self._bound_to: tuple[int, int] | None = None
        self._rings: list[Ring] = []
        try:
            self._socket = socket.socket(AF_XDP, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        except OSError as error:
            raise KernelError(error.errno or 0) from None
        weakref.finalize(self, self._socket.close)
        self.fd = self._socket.fileno()
        try:
            self._set_up(ring, count)
            self.fill(fill)
        except OSError as error:
            self.close()
            raise KernelError(error.errno or 0) from None

    def bind(self, device: Device, queue: int = 0) -> None:
        address = struct.pack("=HHIII", AF_XDP, XDP_COPY, device.ifindex, queue, 0)
        place, deadline = (device.ifindex, queue), time.monotonic() + PATIENCE_S
        while True:
            try:
                with self._lab.inside():
                    check_errno(libc().bind(self.fd, ffi.from_buffer(address), len(address)))
            except KernelError as error:
                freed_soon = self._bound_to is None and place in self._left
                if error.errno != errno.EBUSY or not freed_soon or time.monotonic() > deadline:
                    raise
            else:
                self._left.discard(place)
                self._bound_to = place
                return

    def fill(self, count: int) -> None:
        _, fill = self._rings
        if count > min(fill.room(), len(self._free)):
            most = min(fill.room(), len(self._free))
            raise InputError("socket.fill", f"no room for {count} buffers", f"at most {most} now")
        for _ in range(count):
            fill.put(self._free.pop(0))

    @property
    def received(self) -> list[bytes]:
        self._take()
        return list(self._received)

    @property
    def statistics(self) -> Mapping[str, int]:
        raw = self._socket.getsockopt(SOL_XDP, XDP_STATISTICS, STATISTICS.size)
        dropped, _, _, full, empty, _ = STATISTICS.unpack(raw)
        return {"rx_dropped": dropped, "rx_ring_full": full, "rx_fill_ring_empty_descs": empty}

    def begin_step(self) -> None:
        """Forget what was received before."""
        self._take()
        self._received.clear()

    def close(self) -> None:
        if self.fd >= 0:
            self.fd = -1
            if self._bound_to:
                self._left.add(self._bound_to)
            self._lab.forget_socket(self)
            for ring in self._rings:
                ring.close()
            self._socket.close()

    def _set_up(self, ring: int, count: int) -> None:
        start = int(ffi.cast("uintptr_t", ffi.from_buffer(self._buffers)))
        area = struct.pack("=QQIIII", start, count * self._frame_size, self._frame_size, 0, 0, 0)
        self._socket.setsockopt(SOL_XDP, XDP_UMEM_REG, area)
        for kind in (XDP_RX_RING, XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING):
            self._socket.setsockopt(SOL_XDP, kind, ring)
        raw = self._socket.getsockopt(SOL_XDP, XDP_MMAP_OFFSETS, OFFSETS.size)
        offsets = OFFSETS.unpack(raw)
        self._rings = [
            Ring(self.fd, XDP_PGOFF_RX_RING, ring, offsets[0:4], DESCRIPTOR),
            Ring(self.fd, XDP_UMEM_PGOFF_FILL_RING, ring, offsets[8:12], ADDRESS),
        ]

    def _take(self) -> None:
        if self.fd < 0:
            return
        receive, _ = self._rings
        for address, length, _ in receive.take():
            self._received.append(self._buffers[address : address + length])
            self._free.append(address - address % self._frame_size)
