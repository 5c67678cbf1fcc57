# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The kernel's own account of what happened to a frame: its ``xdp`` tracepoints as typed events.

Mirrors ``include/trace/events/xdp.h``. Field names are those of the tracepoints. ``err`` is 0 or
a negative errno, as the kernel prints it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from spec.errors import errno_name
from spec.uapi import NO_MAP_ID, verdict

LAST_SMALL_IFINDEX = 1000
"""Devices that a lab makes have larger ifindexes, so a small number in an event is a slot."""


class Names(Protocol):
    """Turns the numbers in an event into the names that a page uses."""

    def device_name(self, ifindex: int) -> str: ...

    def map_name(self, map_id: int) -> str: ...

    def program_name(self, prog_id: int) -> str: ...


@dataclass(frozen=True)
class Event:
    """One firing of a tracepoint."""

    name: ClassVar[str]

    def describe(self, names: Names) -> str:
        """What follows the tracepoint's name on the event's line."""
        raise NotImplementedError


@dataclass(frozen=True)
class Redirect(Event):
    """``xdp_redirect``: ``xdp_do_redirect()`` accepted the frame for its target."""

    name = "xdp_redirect"
    prog_id: int
    act: int
    ifindex: int
    err: int
    to_ifindex: int
    map_id: int
    map_index: int

    def describe(self, names: Names) -> str:
        ends = f"{names.device_name(self.ifindex)} -> {names.device_name(self.to_ifindex)}"
        if self.map_id == NO_MAP_ID:
            target = "no map"
        elif self.map_id == 0:
            target = "no target"
        else:
            target = f"map {names.map_name(self.map_id)}[{_key(self.map_index, names)}]"
        return f"{ends}  {target}{_failure(self.err)}"


@dataclass(frozen=True)
class RedirectErr(Redirect):
    """``xdp_redirect_err``: ``xdp_do_redirect()`` refused the frame; the driver drops it."""

    name = "xdp_redirect_err"


@dataclass(frozen=True)
class DevmapXmit(Event):
    """``xdp_devmap_xmit``: a bulk queue was handed to the egress driver."""

    name = "xdp_devmap_xmit"
    from_ifindex: int
    act: int
    to_ifindex: int
    drops: int
    sent: int
    err: int

    def describe(self, names: Names) -> str:
        ends = f"{names.device_name(self.from_ifindex)} -> {names.device_name(self.to_ifindex)}"
        return f"{ends}  sent {self.sent} drops {self.drops}{_failure(self.err)}"


@dataclass(frozen=True)
class ExceptionRaised(Event):
    """``xdp_exception``: a verdict that the kernel could not follow, or ``XDP_ABORTED``."""

    name = "xdp_exception"
    prog_id: int
    act: int
    ifindex: int

    def describe(self, names: Names) -> str:
        device, program = names.device_name(self.ifindex), names.program_name(self.prog_id)
        return f"{device}  program {program}  {verdict(self.act)}"


@dataclass(frozen=True)
class BulkTx(Event):
    """``xdp_bulk_tx``: a driver sent frames back out of the device they came in by."""

    name = "xdp_bulk_tx"
    ifindex: int
    act: int
    drops: int
    sent: int
    err: int

    def describe(self, names: Names) -> str:
        device = names.device_name(self.ifindex)
        return f"{device}  sent {self.sent} drops {self.drops}{_failure(self.err)}"


@dataclass(frozen=True)
class CpumapEnqueue(Event):
    """``xdp_cpumap_enqueue``: a bulk of frames was offered to another CPU's queue."""

    name = "xdp_cpumap_enqueue"
    map_id: int
    act: int
    cpu: int
    drops: int
    processed: int
    to_cpu: int

    def describe(self, names: Names) -> str:
        target = f"map {names.map_name(self.map_id)}  to cpu {self.to_cpu}"
        return f"{target}  processed {self.processed} drops {self.drops}"


@dataclass(frozen=True)
class CpumapKthread(Event):
    """``xdp_cpumap_kthread``: the remote CPU took frames from its queue."""

    name = "xdp_cpumap_kthread"
    map_id: int
    act: int
    cpu: int
    drops: int
    processed: int
    sched: int
    xdp_pass: int
    xdp_drop: int
    xdp_redirect: int

    def describe(self, names: Names) -> str:
        counts = f"processed {self.processed} drops {self.drops}"
        verdicts = f"pass {self.xdp_pass} drop {self.xdp_drop} redirect {self.xdp_redirect}"
        return f"map {names.map_name(self.map_id)}  cpu {self.cpu}  {counts}  {verdicts}"


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


class EventLog(list[Event]):
    """Events in the order in which they fired; prints one line each, in the tracepoints' words."""

    def __init__(self, events: Iterable[Event], names: Names) -> None:
        super().__init__(events)
        # Resolved now: a device or a map may be gone by the time somebody prints the log.
        self._lines = [(event.name, event.describe(names)) for event in self]

    def __repr__(self) -> str:
        if not self._lines:
            return "no events"
        width = max(len(name) for name, _ in self._lines)
        return "\n".join(f"{name:{width}}  {text}" for name, text in self._lines)

    __str__ = __repr__
