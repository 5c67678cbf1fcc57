# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the BPF machine asks of the world around it, as protocols that the model implements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from spec.uapi import MapType

if TYPE_CHECKING:
    from spec.machine.executable import Executable

Memory: TypeAlias = bytearray | bytes | memoryview
"""Bytes that a program may address: writable unless ``bytes`` or a read-only view."""


class Frame(Protocol):
    """The packet a program runs on (``struct xdp_buff``).

    ``memory`` holds headroom, linear data and tailroom; ``meta <= start <= end`` are offsets in
    it, and ``meta == start`` means that there is no metadata. ``room`` is all the bytes that
    memory could have, ``frags`` are further fragments.
    """

    memory: bytearray
    meta: int
    start: int
    end: int
    room: int
    frags: list[bytearray]

    @property
    def frag_room(self) -> int:
        """Bytes to which the last fragment may grow; 0 where the receive queue tells nothing."""

    def lengthen(self, end: int) -> bool:
        """Move the end up to *end* over zero bytes, if there is room."""


class Context:
    """What ``struct xdp_md`` shows a program about one frame."""

    __slots__ = ("egress_ifindex", "frame", "ingress_ifindex", "rx_queue_index")
    takes_metadata = True
    """Whether the driver lets programs put metadata before the packet."""

    def __init__(
        self,
        frame: Frame,
        ingress_ifindex: int = 0,
        rx_queue_index: int = 0,
        egress_ifindex: int = 0,
    ) -> None:
        self.frame = frame
        self.ingress_ifindex = ingress_ifindex
        self.rx_queue_index = rx_queue_index
        self.egress_ifindex = egress_ifindex


class ContextWithoutMetadata(Context):
    """What a driver shows that knows nothing of metadata (``xdp_set_data_meta_invalid``)."""

    __slots__ = ()
    takes_metadata = False


class ProgramMap(Protocol):
    """A map as programs see it. Results are 0 or a negative errno, never an exception."""

    type: MapType
    key_size: int
    value_size: int
    max_entries: int
    id: int
    name: str

    def program_lookup(self, key: bytes) -> Memory | None:
        """Memory of the value, which the program may also write unless it is ``bytes``."""

    def program_update(self, key: bytes, value: bytes, flags: int) -> int: ...

    def program_delete(self, key: bytes) -> int: ...


class TailTarget(Protocol):
    """A program that a PROG_ARRAY can hold."""

    id: int
    executable: Executable


class ProgramArray(ProgramMap, Protocol):
    """A PROG_ARRAY: what ``bpf_tail_call()`` jumps through."""

    def target(self, index: int) -> TailTarget | None: ...


class PerCpuMap(ProgramMap, Protocol):
    """A map whose values have a copy for each CPU."""

    def program_lookup_on(self, key: bytes, cpu: int) -> Memory | None:
        """Memory of the copy of *cpu*."""


class PerfEventArray(ProgramMap, Protocol):
    """A PERF_EVENT_ARRAY: where ``bpf_perf_event_output()`` writes."""

    def output(self, index: int, cpu: int, data: bytes) -> int: ...


class RingBuffer(ProgramMap, Protocol):
    """A RINGBUF as the ``bpf_ringbuf_*()`` helpers use it."""

    def reserve(self, size: int) -> bytearray | None: ...

    def commit(self, record: bytearray, discard: bool) -> None: ...

    def query(self, what: int) -> int: ...


class Host(Protocol):
    """What a running program may ask of the world. Results of helpers are signed."""

    def redirect(self, ifindex: int, flags: int) -> int:
        """``bpf_redirect()``: *ifindex* is 32 bits, *flags* 64."""

    def redirect_map(self, map: ProgramMap, key: int, flags: int) -> int:
        """``bpf_redirect_map()``: *key* and *flags* are the registers' 64 bits."""

    def ktime_ns(self) -> int: ...

    def cpu(self) -> int: ...

    def random_u32(self) -> int: ...

    def printk(self, text: str) -> None: ...

    def mtu(self, ingress_ifindex: int, ifindex: int) -> int | None:
        """Of the device *ifindex* in the namespace of the other, or of that one if it is 0."""
