# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a lab calls its devices, maps and programs; the numbers in events are looked up here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kernel_impl.ifindex import LOOPBACK
from kernel_impl.trace import ifindexes
from spec.names import Names as NamesThen
from spec.trace import CpumapKthread, Event
from spec.uapi import NO_MAP_ID


class Names:
    """Names by number. Closed maps and programs keep theirs: events may still speak of them."""

    def __init__(self) -> None:
        # Never changed but replaced, so that a log can keep those of its time.
        self.devices: Mapping[int, str] = {}
        self.maps: Mapping[int, str] = {}
        self.programs: Mapping[int, str] = {}

    def add(self, kind: str, number: int, name: str) -> None:
        """One of the *kind* ``"devices"``, ``"maps"`` or ``"programs"``."""
        setattr(self, kind, {**getattr(self, kind), number: name})

    def drop_device(self, ifindex: int) -> None:
        """The device is no more."""
        kept = {number: name for number, name in self.devices.items() if number != ifindex}
        self.devices = kept

    def now(self) -> NamesThen:
        """The names that things have now."""
        return NamesThen(self.devices, self.maps, self.programs)

    def know_maps_of(self, events: Iterable[Event]) -> bool:
        """Whether all their maps are the lab's: a page's own C code may have made others."""
        mentioned = {getattr(event, "map_id", 0) for event in events}
        return mentioned <= {0, NO_MAP_ID, *self.maps}

    def device_name(self, ifindex: int) -> str:
        return self.devices.get(ifindex, str(ifindex))

    def program_name(self, prog_id: int) -> str:
        return self.programs.get(prog_id, str(prog_id))

    def concerns(self, event: Event) -> bool:
        """Whether the event is about something of this lab, and about frames at all.

        The thread of a CPUMAP entry also wakes up to end, and gives account of nothing.
        """
        if isinstance(event, CpumapKthread) and not event.processed:
            return False
        if (
            getattr(event, "prog_id", 0) in self.programs
            or getattr(event, "map_id", 0) in self.maps
        ):
            return True
        # Every namespace has a loopback device of this number.
        return any(index in self.devices for index in ifindexes(event) if index != LOOPBACK)
