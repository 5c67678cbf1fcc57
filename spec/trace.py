# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The kernel's own account of what happened to a frame: its ``xdp`` tracepoints as typed events.

Mirrors ``include/trace/events/xdp.h``. Field names are those of the tracepoints. ``err`` is 0 or
a negative errno, as the kernel prints it.

Two fire for nearly every frame, so what is kept of them is a plain tuple, a record. It becomes an
event when somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from errno import EBADRQC
from operator import itemgetter
from typing import Any, ClassVar, Protocol, Self, TypeAlias, overload

from spec.errors import errno_name
from spec.uapi import NO_MAP_ID, verdict

LAST_SMALL_IFINDEX = 1000
"""Devices that a lab makes have larger ifindexes, so a small number in an event is a slot."""


MAP_ID_BEFORE_5_13 = 0
"""``map_id`` of a redirect without a map, which later is ``NO_MAP_ID``."""


class Names(Protocol):
    """Turns the numbers in an event into the names that a page uses."""

    def device_name(self, ifindex: int) -> str: ...

    def map_name(self, map_id: int) -> str: ...

    def program_name(self, prog_id: int) -> str: ...


def _field(position: int) -> Any:
    return property(itemgetter(position))


class Event(tuple[int, ...]):
    """One firing of a tracepoint: the values of its fields, which are also its attributes.

    ``Redirect((prog_id, act, …))`` makes one; it equals another of the same kind with the same
    values.
    """

    __slots__ = ()
    name: ClassVar[str]
    fields: ClassVar[tuple[str, ...]] = ()

    def describe(self, names: Names) -> str:
        """What follows the tracepoint's name on the event's line."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.name, *self))

    def __repr__(self) -> str:
        pairs = zip(self.fields, self, strict=True)
        return f"{type(self).__name__}({', '.join(f'{field}={value}' for field, value in pairs)})"


class Redirect(Event):
    """``xdp_redirect``: ``xdp_do_redirect()`` accepted the frame for its target."""

    name = "xdp_redirect"
    __slots__ = ()
    fields = ("prog_id", "act", "ifindex", "err", "to_ifindex", "map_id", "map_index")
    prog_id: int = _field(0)
    act: int = _field(1)
    ifindex: int = _field(2)
    err: int = _field(3)
    to_ifindex: int = _field(4)
    map_id: int = _field(5)
    map_index: int = _field(6)

    def describe(self, names: Names) -> str:
        ends = f"{names.device_name(self.ifindex)} -> {names.device_name(self.to_ifindex)}"
        if self.map_id == 0 and self.err == -EBADRQC:
            target = "no target"
        elif self.map_id in (NO_MAP_ID, MAP_ID_BEFORE_5_13):
            target = "no map"
        else:
            target = f"map {names.map_name(self.map_id)}[{_key(self.map_index, names)}]"
        return f"{ends}  {target}{_failure(self.err)}"


class RedirectErr(Redirect):
    """``xdp_redirect_err``: ``xdp_do_redirect()`` refused the frame; the driver drops it."""

    __slots__ = ()
    name = "xdp_redirect_err"


class DevmapXmit(Event):
    """``xdp_devmap_xmit``: a bulk queue was handed to the egress driver."""

    name = "xdp_devmap_xmit"
    __slots__ = ()
    fields = ("from_ifindex", "act", "to_ifindex", "drops", "sent", "err")
    from_ifindex: int = _field(0)
    act: int = _field(1)
    to_ifindex: int = _field(2)
    drops: int = _field(3)
    sent: int = _field(4)
    err: int = _field(5)

    def describe(self, names: Names) -> str:
        ends = f"{names.device_name(self.from_ifindex)} -> {names.device_name(self.to_ifindex)}"
        return f"{ends}  sent {self.sent} drops {self.drops}{_failure(self.err)}"


class ExceptionRaised(Event):
    """``xdp_exception``: a verdict that the kernel could not follow, or ``XDP_ABORTED``."""

    name = "xdp_exception"
    __slots__ = ()
    fields = ("prog_id", "act", "ifindex")
    prog_id: int = _field(0)
    act: int = _field(1)
    ifindex: int = _field(2)

    def describe(self, names: Names) -> str:
        device, program = names.device_name(self.ifindex), names.program_name(self.prog_id)
        return f"{device}  program {program}  {verdict(self.act)}"


class BulkTx(Event):
    """``xdp_bulk_tx``: a driver sent frames back out of the device they came in by."""

    name = "xdp_bulk_tx"
    __slots__ = ()
    fields = ("ifindex", "act", "drops", "sent", "err")
    ifindex: int = _field(0)
    act: int = _field(1)
    drops: int = _field(2)
    sent: int = _field(3)
    err: int = _field(4)

    def describe(self, names: Names) -> str:
        device = names.device_name(self.ifindex)
        return f"{device}  sent {self.sent} drops {self.drops}{_failure(self.err)}"


class CpumapEnqueue(Event):
    """``xdp_cpumap_enqueue``: a bulk of frames was offered to another CPU's queue."""

    name = "xdp_cpumap_enqueue"
    __slots__ = ()
    fields = ("map_id", "act", "cpu", "drops", "processed", "to_cpu")
    map_id: int = _field(0)
    act: int = _field(1)
    cpu: int = _field(2)
    drops: int = _field(3)
    processed: int = _field(4)
    to_cpu: int = _field(5)

    def describe(self, names: Names) -> str:
        target = f"map {names.map_name(self.map_id)}  to cpu {self.to_cpu}"
        return f"{target}  processed {self.processed} drops {self.drops}"


class CpumapKthread(Event):
    """``xdp_cpumap_kthread``: the remote CPU took frames from its queue."""

    name = "xdp_cpumap_kthread"
    __slots__ = ()
    fields = (
        "map_id",
        "act",
        "cpu",
        "drops",
        "processed",
        "sched",
        "xdp_pass",
        "xdp_drop",
        "xdp_redirect",
    )
    map_id: int = _field(0)
    act: int = _field(1)
    cpu: int = _field(2)
    drops: int = _field(3)
    processed: int = _field(4)
    sched: int = _field(5)
    xdp_pass: int = _field(6)
    xdp_drop: int = _field(7)
    xdp_redirect: int = _field(8)

    def describe(self, names: Names) -> str:
        counts = f"processed {self.processed} drops {self.drops}"
        verdicts = f"pass {self.xdp_pass} drop {self.xdp_drop} redirect {self.xdp_redirect}"
        return f"map {names.map_name(self.map_id)}  cpu {self.cpu}  {counts}  {verdicts}"


Record: TypeAlias = tuple[Any, ...]
"""What a tracepoint leaves behind: the type of the event and the values of its fields."""

EVENT_TYPES: dict[str, type[Event]] = {
    kind.name: kind
    for kind in (
        Redirect,
        RedirectErr,
        DevmapXmit,
        ExceptionRaised,
        BulkTx,
        CpumapEnqueue,
        CpumapKthread,
    )
}


def _key(index: int, names: Names) -> str:
    """A slot as it is; a key that is an ifindex of the lab by its device, since numbers vary."""
    return str(index) if index <= LAST_SMALL_IFINDEX else names.device_name(index)


def _failure(err: int) -> str:
    return f"  err {errno_name(-err)}" if err else ""


def _event(record: Any) -> Event:
    return record if isinstance(record, Event) else record[0](record[1:])


class _Seen(list[Event]):
    """The events of a log that somebody has looked at."""


class EventLog(Sequence[Event]):
    """Events in the order in which they fired; prints one line each, in the tracepoints' words.

    ``event_log()`` makes one.
    """

    __slots__ = ("_lines", "_names", "_records")

    _records: Sequence[Event | Record]
    _names: Names
    _lines: list[tuple[str, str]] | None

    def settle(self) -> Self:
        """Ask for the names now: a device or a map may be gone later."""
        self._lines = [(event.name, event.describe(self._names)) for event in self]
        return self

    def _all(self) -> list[Event]:
        if not isinstance(self._records, _Seen):
            self._records = _Seen(map(_event, self._records))
        return self._records

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._all())

    @overload
    def __getitem__(self, position: int) -> Event: ...

    @overload
    def __getitem__(self, position: slice) -> list[Event]: ...

    def __getitem__(self, position: int | slice) -> Event | list[Event]:
        return self._all()[position]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | EventLog):
            return NotImplemented
        return self._all() == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        lines = self._lines or self.settle()._lines
        if not lines:
            return "no events"
        width = max(len(name) for name, _ in lines)
        return "\n".join(f"{name:{width}}  {text}" for name, text in lines)

    __str__ = __repr__


def event_log(records: list[Any], names: Names) -> EventLog:
    """A log of events, or of records, which become events when somebody looks; empties *records*.

    *names* are asked when somebody prints it, or when ``settle()`` is called before that.
    """
    log = EventLog()
    log._records = tuple(records)
    records.clear()
    log._names = names
    log._lines = None
    return log
