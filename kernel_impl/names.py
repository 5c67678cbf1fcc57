# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a lab calls its devices, maps and programs; the numbers in events are looked up here."""

from __future__ import annotations

from kernel_impl.ifindex import LOOPBACK
from kernel_impl.trace import ifindexes
from spec.trace import CpumapKthread, Event


class Names:
    """Names by number. Closed maps and programs keep theirs: events may still speak of them."""

    def __init__(self) -> None:
        self.devices: dict[int, str] = {}
        self.maps: dict[int, str] = {}
        self.programs: dict[int, str] = {}

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
