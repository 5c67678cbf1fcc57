# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Maps as an area to search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spec.testing.differential.area import Pair
from spec.testing.differential.lab_area import LabArea
from spec.testing.differential.maps.operations import OPERATIONS
from spec.testing.differential.maps.session import SECTIONS, MapsSession, compiled, load, source
from spec.testing.differential.script import Script


class MapsArea(LabArea):
    """Creation, elements, access and lifetime of maps of the four types."""

    name = "maps"
    steps = 2000
    steps_between_checks = 50
    operations = OPERATIONS

    def open(self, pair: Pair) -> MapsSession:
        """A session from nothing."""
        return MapsSession(pair)

    def compiled(self) -> Sequence[Path]:
        """Two objects with programs."""
        return compiled()

    def script(self, lines: tuple[str, ...]) -> Script:
        """*lines* with the programs that they name."""
        used = Script("-", (), tuple(SECTIONS), lines, load).mentioned()
        return used._replace(source=source(used.programs) if used.programs else "")
