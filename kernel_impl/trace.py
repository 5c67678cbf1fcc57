# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The xdp tracepoints as typed events, through descriptors that close with the process.

One set of perf events, on every CPU, serves all labs of the process; each lab has an inbox that
takes what concerns it. A lost event is an error: a page must never show half the truth.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from kernel_impl.ifindex import foreign_events_filter
from kernel_impl.libbpf import check, check_errno, ffi, libbpf, opts
from kernel_impl.tracefs import Tracepoint, xdp_tracepoints
from spec.trace import EVENT_TYPES, Event
from spec.uapi import MapType

PERF_TYPE_TRACEPOINT = 2
PERF_SAMPLE_TIME, PERF_SAMPLE_RAW = 1 << 2, 1 << 10
PERF_RECORD_LOST, PERF_RECORD_SAMPLE = 2, 9
PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE = 0x2400, 0x2401
PERF_EVENT_IOC_SET_FILTER = 0x40082406
GO_ON = -2
"""``LIBBPF_PERF_EVENT_CONT``."""


class LostEventsError(RuntimeError):
    """More happened at once than the descriptors hold: the account would have a hole."""


class EventSource:
    """Perf events on each tracepoint that ``spec.trace`` has a type for, one ring per CPU."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._inboxes: list[Inbox] = []
        self._records: list[tuple[int, Event]] = []
        self._lost = 0
        known = [point for name, point in xdp_tracepoints().items() if name in EVENT_TYPES]
        self._buffers: list[Any] = []
        self._callbacks = [self._open(point) for point in known]

    def add(self, inbox: Inbox) -> None:
        """From now on *inbox* gets what it wants; the first one switches the events on."""
        if not self._inboxes:
            self._switch(PERF_EVENT_IOC_ENABLE)
        else:
            self.deliver()
        self._inboxes.append(inbox)

    def remove(self, inbox: Inbox) -> None:
        """The last one switches the events off, so that nothing piles up unread."""
        self._inboxes.remove(inbox)
        if not self._inboxes:
            self._switch(PERF_EVENT_IOC_DISABLE)
            self._consume()
            self._records.clear()
            self._lost = 0

    def deliver(self) -> None:
        """Hand everything that has happened to whom it concerns, in the order of time."""
        self._consume()
        records, self._records = sorted(self._records, key=lambda record: record[0]), []
        for _, event in records:
            for inbox in self._inboxes:
                if inbox.wants(event):
                    inbox.waiting.append(event)
        if self._lost:
            lost, self._lost = self._lost, 0
            raise LostEventsError(f"{lost} events did not fit; let fewer frames arrive at once")

    def close(self) -> None:
        """Give up every descriptor."""
        for buffer in self._buffers:
            ffi.release(buffer)
        self._buffers.clear()

    def _open(self, point: Tracepoint) -> object:
        cpus = check(libbpf().libbpf_num_possible_cpus())
        array = check(
            libbpf().bpf_map_create(
                MapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY, b"", 4, 4, cpus, ffi.NULL
            )
        )
        attributes = ffi.new("struct perf_event_attr *")
        attributes.type, attributes.size = PERF_TYPE_TRACEPOINT, ffi.sizeof(attributes[0])
        attributes.config, attributes.sample_period = point.id, 1
        attributes.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW
        attributes.wakeup_events = attributes.disabled = attributes.use_clockid = 1
        attributes.clockid = time.CLOCK_MONOTONIC
        callback = ffi.callback("perf_buffer_event_fn", self._reader(point))
        try:
            ring = libbpf().perf_buffer__new_raw(
                array, _pages(cpus), attributes, callback, ffi.NULL, opts("perf_buffer_raw_opts")
            )
            self._buffers.append(ffi.gc(check_errno(ring), libbpf().perf_buffer__free))
        finally:
            os.close(array)
        # libbpf has enabled what it opened.
        for fd in self._fds():
            fcntl.ioctl(fd, PERF_EVENT_IOC_DISABLE, 0)
        chosen = foreign_events_filter(field.name for field in point.fields)
        if chosen:
            for fd in self._fds()[-_ring_count(ring) :]:
                fcntl.ioctl(fd, PERF_EVENT_IOC_SET_FILTER, chosen.encode() + b"\0")
        return callback

    def _reader(self, point: Tracepoint) -> Callable[[Any, int, Any], int]:
        kind = EVENT_TYPES[point.name]
        places = {field.name: field for field in point.fields}
        wanted = [places.get(field.name) for field in dataclasses.fields(kind)]

        def read(_context: Any, _cpu: int, header: Any) -> int:
            if header.type == PERF_RECORD_SAMPLE:
                sample = ffi.cast("struct perf_sample *", header)
                raw = ffi.buffer(sample.data, sample.size)[:]
                values = (
                    int.from_bytes(
                        raw[field.offset : field.offset + field.size],
                        sys.byteorder,
                        signed=field.signed,
                    )
                    if field
                    else 0  # a field that this release does not have
                    for field in wanted
                )
                self._records.append((sample.time, kind(*values)))
            elif header.type == PERF_RECORD_LOST:
                counts = ffi.cast("uint64_t *", header + 1)
                self._lost += counts[1]
            return GO_ON

        return read

    def _consume(self) -> None:
        for buffer in self._buffers:
            check(libbpf().perf_buffer__consume(buffer))

    def _switch(self, request: int) -> None:
        for fd in self._fds():
            fcntl.ioctl(fd, request, 0)

    def _fds(self) -> list[int]:
        return [
            libbpf().perf_buffer__buffer_fd(buffer, index)
            for buffer in self._buffers
            for index in range(_ring_count(buffer))
        ]


class Inbox:
    """The events that one lab is interested in, since it was opened or last emptied."""

    def __init__(self, wants: Callable[[Event], bool]) -> None:
        self.wants = wants
        self.waiting: list[Event] = []
        self._source = _source()
        self._source.add(self)

    def look(self) -> list[Event]:
        """Everything that waits; it goes on waiting."""
        self._source.deliver()
        return self.waiting

    def take(self) -> list[Event]:
        """Everything that waits."""
        taken, self.waiting = self.look(), []
        return taken

    def close(self) -> None:
        self._source.remove(self)


def _source() -> EventSource:
    # A forked child shares its parent's rings and would steal from them.
    if not _sources or _sources[-1].process != os.getpid():
        _sources.append(EventSource())
    return _sources[-1]


_sources: list[EventSource] = []


def _pages(cpus: int) -> int:
    """Size of a ring: 512 KiB on small machines, less where there are many CPUs."""
    return max(8, min(128, 1 << (1024 // cpus).bit_length() - 1))


def _ring_count(buffer: Any) -> int:
    count: int = libbpf().perf_buffer__buffer_cnt(buffer)
    return count


def ifindexes(event: Event) -> Iterable[int]:
    """Every ifindex that an event names."""
    for name in ("ifindex", "from_ifindex", "to_ifindex"):
        value = getattr(event, name, 0)
        if value:
            yield value
