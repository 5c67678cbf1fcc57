# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The xdp tracepoints as typed events, through descriptors that close with the process.

One set of perf events, on every CPU, serves all labs of the process; each lab has an inbox that
takes what concerns it. A lost event is an error: a page must never show half the truth.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Iterable
from operator import itemgetter

from kernel_impl.limits import allow_descriptors
from kernel_impl.perf import TracepointRings, tracepoint_descriptors
from kernel_impl.tracefs import Tracepoint, xdp_tracepoints
from spec.trace import EVENT_TYPES, Event

_INTEGERS = {1: "b", 2: "h", 4: "i", 8: "q"}
"""Letters of ``struct`` by size."""


class LostEventsError(RuntimeError):
    """More happened at once than the descriptors hold: the account would have a hole."""


class EventSource:
    """Every tracepoint that ``spec.trace`` has a type for; switched on while somebody listens."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.lock = threading.Lock()
        self._inboxes: list[Inbox] = []
        known = [point for name, point in xdp_tracepoints().items() if name in EVENT_TYPES]
        allow_descriptors(tracepoint_descriptors(len(known)))
        self._rings = [(decoder(point), TracepointRings(point)) for point in known]

    def add(self, inbox: Inbox) -> None:
        """From now on *inbox* gets what it wants."""
        with self.lock:
            if self._inboxes:
                self._deliver()
            else:
                self._switch(on=True)
            self._inboxes.append(inbox)

    def remove(self, inbox: Inbox) -> None:
        """*inbox* gets nothing more; after the last one nothing piles up unread."""
        with self.lock:
            self._inboxes.remove(inbox)
            if not self._inboxes:
                self._switch(on=False)
                self._deliver()

    def deliver(self) -> None:
        """Hand everything that has happened to whom it concerns."""
        with self.lock:
            self._deliver()

    def close(self) -> None:
        """Give up every descriptor."""
        for _, rings in self._rings:
            rings.close()
        self._rings.clear()

    def _deliver(self) -> None:
        fired: list[tuple[int, Event]] = []
        for decode, rings in self._rings:
            records, lost = rings.take()
            if not records and not lost:
                continue
            fired += [(record.time, decode(record.data)) for record in records]
            for inbox in self._inboxes if lost else ():
                inbox.incomplete = True
        for inbox in self._inboxes if fired else ():
            inbox.put(fired)

    def _switch(self, on: bool) -> None:
        for _, rings in self._rings:
            rings.switch(on)


class Inbox:
    """The events that one lab is interested in, since it was opened or last emptied."""

    def __init__(self, wants: Callable[[Event], bool]) -> None:
        self.wants = wants
        self.incomplete = False
        self._waiting: list[tuple[int, Event]] = []
        self._source = _source()
        self._source.add(self)

    def put(self, fired: Iterable[tuple[int, Event]]) -> None:
        """Add what this inbox wants of *fired*, nanoseconds and event, where it belongs.

        That may be before what already waits: rings are read one after the other, and another CPU
        goes on meanwhile.
        """
        self._waiting += [entry for entry in fired if self.wants(entry[1])]
        self._waiting.sort(key=itemgetter(0))

    def look(self) -> list[Event]:
        """Everything that waits, in the order of time; it goes on waiting."""
        self._source.deliver()
        if self.incomplete:
            self.incomplete, self._waiting = False, []
            raise LostEventsError("more events than fit; let fewer frames arrive at once")
        return [event for _, event in self._waiting]

    def take(self) -> list[Event]:
        """Everything that waits."""
        self.look()
        return self.seen()

    def seen(self) -> list[Event]:
        """Everything that waited when somebody last looked."""
        with self._source.lock:
            taken, self._waiting = self._waiting, []
        return [event for _, event in taken]

    def close(self) -> None:
        self._source.remove(self)


def decoder(point: Tracepoint) -> Callable[[bytes], Event]:
    """Turns the tracepoint's records into events; a field this release lacks is 0."""
    kind = EVENT_TYPES[point.name]
    known = sorted((f for f in point.fields if f.name in kind.fields), key=lambda f: f.offset)
    layout, end = "=", 0
    for field in known:
        letter = _INTEGERS[field.size]
        layout += f"{field.offset - end}x{letter if field.signed else letter.upper()}"
        end = field.offset + field.size
    unpack = struct.Struct(layout).unpack_from
    names = [field.name for field in known]
    places = [names.index(field) if field in names else len(names) for field in kind.fields]

    def decode(data: bytes) -> Event:
        values = *unpack(data), 0
        return kind([values[place] for place in places])

    return decode


def ifindexes(event: Event) -> Iterable[int]:
    """Every ifindex that an event names."""
    for name in ("ifindex", "from_ifindex", "to_ifindex"):
        value = getattr(event, name, 0)
        if value:
            yield value


def _source() -> EventSource:
    # A forked child shares its parent's rings and would steal from them.
    with _opening:
        if not _sources or _sources[-1].process != os.getpid():
            _sources.append(EventSource())
        return _sources[-1]


_opening = threading.Lock()
_sources: list[EventSource] = []
