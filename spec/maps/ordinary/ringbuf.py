# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""RINGBUF (``kernel/bpf/ringbuf.c``): records in the order in which they were reserved."""

from __future__ import annotations

from errno import EINVAL

from spec.errors import ENOTSUPP, KernelError
from spec.maps.ordinary.table import Memory, Table, round_up
from spec.uapi import BPF_F_NUMA_NODE, MapType

PAGE_SIZE = 4096
HEADER = 8
MAX_RECORD = 0xFFFFFFFF // 4

BPF_RB_AVAIL_DATA, BPF_RB_RING_SIZE, BPF_RB_CONS_POS, BPF_RB_PROD_POS = range(4)

BUSY, DONE, DISCARDED = "busy", "done", "discarded"


class Ringbuf(Table):
    """A RINGBUF of ``max_entries`` bytes; it has no elements."""

    type = MapType.BPF_MAP_TYPE_RINGBUF
    allowed_flags = BPF_F_NUMA_NODE

    def check_definition(self) -> None:
        """``ringbuf_map_alloc``."""
        size = self.max_entries
        if self.key_size or self.value_size or not size or size & size - 1 or size % PAGE_SIZE:
            raise KernelError(EINVAL)
        self.records: list[tuple[bytearray, list[str]]] = []
        self.produced = self.consumed = 0

    def reserve(self, size: int) -> bytearray | None:
        """Memory for a record of *size* bytes, or None where there is no room."""
        length = round_up(size + HEADER)
        if size > MAX_RECORD or length > self.max_entries:
            return None
        if self.produced + length - self.consumed > self.max_entries - 1:
            return None
        self.produced += length
        record = bytearray(size)
        self.records.append((record, [BUSY]))
        return record

    def commit(self, record: bytearray, discard: bool) -> None:
        """Let the consumer have *record*, or skip it."""
        for candidate, state in self.records:
            if candidate is record:
                state[0] = DISCARDED if discard else DONE

    def query(self, what: int) -> int:
        """``bpf_ringbuf_query()``."""
        answers = {
            BPF_RB_AVAIL_DATA: self.produced - self.consumed,
            BPF_RB_RING_SIZE: self.max_entries,
            BPF_RB_CONS_POS: self.consumed,
            BPF_RB_PROD_POS: self.produced,
        }
        return answers.get(what, 0)

    def consume(self) -> list[bytes]:
        """Records up to the first that is still being written, as a consumer takes them."""
        taken = []
        while self.records and self.records[0][1][0] != BUSY:
            record, state = self.records.pop(0)
            self.consumed += round_up(len(record) + HEADER)
            if state[0] == DONE:
                taken.append(bytes(record))
        return taken

    def lookup_bytes(self, key: bytes) -> bytes:
        """A pointer to a key of no bytes is refused before the map is asked."""
        del key
        raise KernelError(EINVAL)

    def update_bytes(self, key: bytes, value: bytes, flags: int) -> None:
        del key, value, flags
        raise KernelError(EINVAL)

    def delete_bytes(self, key: bytes) -> None:
        del key
        raise KernelError(EINVAL)

    def next_key_bytes(self, key: bytes | None) -> bytes:
        raise KernelError(ENOTSUPP if key is None else EINVAL)

    def program_lookup(self, key: bytes) -> Memory | None:
        # The verifier lets no program get here.
        del key
        return None
