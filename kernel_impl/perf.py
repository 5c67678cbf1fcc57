# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Perf events on one tracepoint: opened, mapped and read by libbpf, on every CPU.

What libbpf offers for the output of BPF programs reads any perf event that comes with raw data.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections import Counter
from typing import Any, NamedTuple

from kernel_impl.ifindex import foreign_events_filter
from kernel_impl.libbpf import check, check_errno, ffi, libbpf, opts
from kernel_impl.tracefs import Tracepoint
from spec.uapi import MapType

PERF_TYPE_TRACEPOINT = 2
PERF_SAMPLE_TIME, PERF_SAMPLE_RAW = 1 << 2, 1 << 10
PERF_RECORD_LOST, PERF_RECORD_SAMPLE = 2, 9
PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE = 0x2400, 0x2401
PERF_EVENT_IOC_SET_FILTER = 0x40082406
GO_ON = -2
"""``LIBBPF_PERF_EVENT_CONT``."""
PAGE = os.sysconf("SC_PAGE_SIZE")
FEWEST_PAGES = 8
LARGEST_RECORD = 256
"""More bytes than a record of ours has."""


class Record(NamedTuple):
    """One firing: nanoseconds of the monotonic clock, and the tracepoint's record."""

    time: int
    data: bytes


_NOTHING: tuple[list[Record], bool] = [], False


class TracepointRings:
    """One ring for each CPU; switched off at first."""

    def __init__(self, point: Tracepoint) -> None:
        self._records: list[Record] = []
        self._read: Counter[int] = Counter()
        self._known_to_lose: set[int] = set()
        self._lost = False
        self._consume = libbpf().perf_buffer__consume
        self._callback = ffi.callback("perf_buffer_event_fn", self._keep)
        self._buffer, pages = self._open(point)
        self._capacity = pages * PAGE
        # libbpf has switched on what it opened.
        self.switch(on=False)
        chosen = foreign_events_filter(field.name for field in point.fields)
        if chosen:
            self._control(PERF_EVENT_IOC_SET_FILTER, chosen.encode() + b"\0")

    def switch(self, on: bool) -> None:
        """Record, or stop recording."""
        self._control(PERF_EVENT_IOC_ENABLE if on else PERF_EVENT_IOC_DISABLE, 0)

    def take(self) -> tuple[list[Record], bool]:
        """What was recorded since the last time, and whether anything did not fit."""
        check(self._consume(self._buffer))
        if not self._read:
            return _NOTHING
        # The kernel reports a loss with the next event only. A full ring tells now.
        full = {cpu for cpu, size in self._read.items() if size > self._capacity - LARGEST_RECORD}
        self._known_to_lose |= full
        self._read.clear()
        records, self._records = self._records, []
        lost, self._lost = self._lost or bool(full), False
        return records, lost

    def close(self) -> None:
        """Give up the descriptors."""
        ffi.release(self._buffer)

    def _open(self, point: Tracepoint) -> tuple[Any, int]:
        """The rings and the pages of each; smaller ones where locked memory is short."""
        cpus = check(libbpf().libbpf_num_possible_cpus())
        kind = MapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY
        array = check(libbpf().bpf_map_create(kind, b"", 4, 4, cpus, ffi.NULL))
        pages = _pages(cpus)
        try:
            while True:
                buffer = libbpf().perf_buffer__new_raw(
                    array,
                    pages,
                    _attributes(point),
                    self._callback,
                    ffi.NULL,
                    opts("perf_buffer_raw_opts"),
                )
                if buffer != ffi.NULL:
                    return ffi.gc(buffer, libbpf().perf_buffer__free), pages
                if ffi.errno != errno.EPERM or pages == FEWEST_PAGES:
                    check_errno(buffer)
                pages //= 2
        finally:
            os.close(array)

    def _keep(self, _context: Any, cpu: int, header: Any) -> int:
        self._read[cpu] += header.size
        if header.type == PERF_RECORD_SAMPLE:
            sample = ffi.cast("struct perf_sample *", header)
            self._records.append(Record(sample.time, bytes(ffi.buffer(sample.data, sample.size))))
        elif header.type == PERF_RECORD_LOST:
            self._lost = self._lost or cpu not in self._known_to_lose
            self._known_to_lose.discard(cpu)
        return GO_ON

    def _control(self, request: int, argument: int | bytes) -> None:
        for index in range(libbpf().perf_buffer__buffer_cnt(self._buffer)):
            fcntl.ioctl(libbpf().perf_buffer__buffer_fd(self._buffer, index), request, argument)


def tracepoint_descriptors(points: int) -> int:
    """How many descriptors the rings of so many tracepoints take."""
    cpus = check(libbpf().libbpf_num_possible_cpus())
    return points * (cpus + 2)  # a set of events to wait for, and the array while it is filled


def _attributes(point: Tracepoint) -> Any:
    attributes = ffi.new("struct perf_event_attr *")
    attributes.type, attributes.size = PERF_TYPE_TRACEPOINT, ffi.sizeof(attributes[0])
    attributes.config, attributes.sample_period = point.id, 1
    attributes.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW
    # One clock for all CPUs: the rings are merged by time.
    attributes.use_clockid, attributes.clockid = 1, time.CLOCK_MONOTONIC
    attributes.disabled = attributes.wakeup_events = 1
    return attributes


def _pages(cpus: int) -> int:
    """Size of a ring, a power of two: 512 KiB on small machines, less with many CPUs."""
    return max(FEWEST_PAGES, min(128, 1 << (1024 // cpus).bit_length() - 1))
