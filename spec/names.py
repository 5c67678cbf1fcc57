# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a lab calls its devices, maps and programs; the numbers in events are looked up here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Names(NamedTuple):
    """Names by number. Never changes, so that a log can keep those of its time."""

    devices: Mapping[int, str] = {}
    maps: Mapping[int, str] = {}
    programs: Mapping[int, str] = {}

    def with_device(self, ifindex: int, name: str) -> Names:
        return self._replace(devices={**self.devices, ifindex: name})

    def with_map(self, map_id: int, name: str) -> Names:
        return self._replace(maps={**self.maps, map_id: name})

    def with_program(self, prog_id: int, name: str) -> Names:
        return self._replace(programs={**self.programs, prog_id: name})

    def without_device(self, ifindex: int) -> Names:
        kept = {number: name for number, name in self.devices.items() if number != ifindex}
        return self._replace(devices=kept)

    def device_name(self, ifindex: int) -> str:
        return self.devices.get(ifindex, str(ifindex))

    def map_name(self, map_id: int) -> str:
        return self.maps.get(map_id, str(map_id))

    def program_name(self, prog_id: int) -> str:
        return self.programs.get(prog_id, str(prog_id))
