# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The address space of one run: a region for the packet, the stack, each map value it looks up.

An address is ``region << 20 | offset``. Regions are spaced so that a pointer that leaves its own
hits no other. The packet's region stays below 4096, which makes ``ctx->data`` fit its 32 bits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from itertools import count
from struct import Struct
from typing import TYPE_CHECKING

from spec.machine.fault import MAX_DEPTH, OutOfBudget, Trap
from spec.machine.host import Context, Host, ProgramMap
from spec.machine.host import Memory as Bytes
from spec.release import Release

if TYPE_CHECKING:
    from spec.machine.executable import Executable

SHIFT, OFFSET = 20, 0xFFFFF

CONTEXT = 2
FIRST_PACKET, LAST_PACKET = 4, 4094
STACK = 0x1000
FIRST_STATIC = 0x2000
FIRST_DYNAMIC = 1 << 36

STACK_SIZE = 512
"""Bytes of stack of each function (``include/linux/filter.h: MAX_BPF_STACK``)."""

MAX_TAIL_CALLS = 33
"""Tail calls in one run (``include/linux/bpf.h: MAX_TAIL_CALL_CNT``)."""

CONTEXT_ADDRESS = CONTEXT << SHIFT

XDP_MD = Struct("=IIIIII")

_static_regions = count(FIRST_STATIC, 2)


def static_address(size: int) -> int:
    """An address of its own for *size* bytes that outlive a run."""
    first = next(_static_regions)
    for _ in range(size >> SHIFT + 1):
        next(_static_regions)
    return first << SHIFT


class Memory:
    """What one run may touch; also carries what its helpers need."""

    __slots__ = (
        "context", "depth", "dynamic", "executed", "fields", "host", "limit", "maps", "packet",
        "pending", "places", "regions", "release", "tail_calls", "watch",
    )  # fmt: skip

    def __init__(
        self,
        context: Context,
        host: Host,
        regions: Mapping[int, Bytes],
        maps: Mapping[int, ProgramMap],
        release: Release,
    ) -> None:
        self.context, self.host, self.release = context, host, release
        self.regions = dict(regions)
        self.maps = dict(maps)
        self.places: dict[int, int] = {}
        self.dynamic = FIRST_DYNAMIC
        self.packet = FIRST_PACKET - 2
        self.executed = 0
        self.depth = 0
        self.limit = MAX_DEPTH
        self.tail_calls = 0
        self.watch: Callable[[Executable, int, list[int]], None] | None = None
        self.pending: dict[int, tuple[object, bytearray]] = {}
        self.map_packet()

    def map_packet(self) -> None:
        """Give the packet a fresh region, so that pointers from before it changed are caught."""
        context, frame = self.context, self.context.frame
        self.regions.pop(self.packet, None)
        self.packet = self.packet + 2 if self.packet < LAST_PACKET else FIRST_PACKET
        meta = self.packet << SHIFT
        self.regions[self.packet] = memoryview(frame.memory)[frame.meta : frame.end]
        self.fields = (
            meta + frame.start - frame.meta,
            meta + frame.end - frame.meta,
            meta if context.takes_metadata else meta + frame.start - frame.meta + 1,
            context.ingress_ifindex,
            context.rx_queue_index,
            context.egress_ifindex,
        )
        self.regions[CONTEXT] = XDP_MD.pack(*self.fields)

    def data(self) -> Bytes:
        """The packet's linear part, without metadata."""
        frame = self.context.frame
        return self.regions[self.packet][frame.start - frame.meta :]

    def place(self, memory: Bytes | ProgramMap) -> int:
        """An address for *memory* or a map in a map; the same for the same object during a run."""
        address = self.places.get(id(memory))
        if address is None:
            address = self.places[id(memory)] = self.dynamic << SHIFT
            if isinstance(memory, bytearray | bytes | memoryview):
                map_region(self.regions, address, memory)
                self.dynamic += 2 + 2 * (len(memory) >> SHIFT)
            else:
                self.maps[address] = memory
                self.dynamic += 2
        return address

    def forget(self, address: int) -> None:
        """Make *address* invalid: what lay there was given back."""
        memory = self.regions.pop(address >> SHIFT, None)
        self.places.pop(id(memory), None)

    def read(self, address: int, size: int) -> bytes:
        """*size* bytes at *address*; ``Trap`` outside of a region."""
        if not size:
            return b""
        return bytes(self._at(address, size, "read"))

    def write(self, address: int, data: bytes) -> None:
        """Store *data* at *address*; ``Trap`` outside of a region or in a read-only one."""
        if not data:
            return
        memory = self._at(address, len(data), "write")
        if isinstance(memory, bytes) or memory.readonly:
            raise Trap(
                f"write of {len(data)} bytes into {self.describe(address)}, which is read-only"
            )
        memory[:] = data

    def _at(self, address: int, size: int, verb: str) -> memoryview:
        memory, offset = self.regions.get(address >> SHIFT), address & OFFSET
        if memory is None:
            where = "a null pointer" if address <= OFFSET else f"{address:#x}, where nothing is"
            preposition = "through" if address <= OFFSET else "at"
            raise Trap(f"{verb} of {size} bytes {preposition} {where}")
        if offset + size > len(memory):
            place = f"offset {offset} of {self.describe(address)}, which has {len(memory)} bytes"
            raise Trap(f"{verb} of {size} bytes at {place}")
        return memoryview(memory)[offset : offset + size]

    def load(self, address: int, size: int) -> int:
        """The unsigned number of *size* bytes at *address*."""
        return int.from_bytes(self.read(address, size), sys.byteorder)

    def store(self, address: int, size: int, value: int) -> None:
        """Store the low *size* bytes of *value* at *address*."""
        self.write(address, (value & (1 << 8 * size) - 1).to_bytes(size, sys.byteorder))

    def map(self, address: int) -> ProgramMap:
        """The map that a map pointer stands for."""
        try:
            return self.maps[address]
        except KeyError:
            raise Trap(f"{address:#x} is no map") from None

    def describe(self, address: int) -> str:
        """What lies at *address*, in words."""
        region = address >> SHIFT
        if region == CONTEXT:
            return "the context"
        if region == self.packet:
            return "the packet"
        if STACK <= region < STACK + 2 * MAX_DEPTH:
            return "the stack"
        if region < FIRST_DYNAMIC:
            return "global data"
        return "a map value"

    def check_budget(self, limit: int) -> None:
        if self.executed > limit:
            raise OutOfBudget


def map_region(regions: dict[int, Bytes], address: int, memory: Bytes) -> None:
    """Enter *memory* at *address*, in as many consecutive regions as it takes."""
    regions[address >> SHIFT] = memory
    for step in range(1, (len(memory) - 1 >> SHIFT) + 1):
        regions[(address >> SHIFT) + step] = memoryview(memory)[step << SHIFT :]
