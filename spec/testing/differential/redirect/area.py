# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Redirection as an area to search."""

from __future__ import annotations

import re

from spec.testing.differential.area import Pair
from spec.testing.differential.lab_area import LabArea
from spec.testing.differential.redirect.operations import OPERATIONS
from spec.testing.differential.redirect.session import MAPS, RedirectSession, source
from spec.testing.differential.script import Script


class RedirectArea(LabArea):
    """Frames on their way through devices, maps, programs and processors."""

    name = "redirect"
    steps = 600
    steps_between_checks = 40
    operations = OPERATIONS

    def open(self, pair: Pair) -> RedirectSession:
        """A session from nothing."""
        return RedirectSession(pair)

    def script(self, lines: tuple[str, ...]) -> Script:
        """*lines* with the whole object."""
        programs = tuple(re.findall(r'SEC\("xdp[^"]*"\) int (\w+)', source()))
        return Script(source(), (*MAPS, "numbers", "places"), programs, lines).mentioned()
