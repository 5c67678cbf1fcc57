# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Redirection as an area to search."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from spec.testing.differential.area import Pair
from spec.testing.differential.lab_area import LabArea
from spec.testing.differential.redirect.drawing import depends_on_time
from spec.testing.differential.redirect.operations import OPERATIONS, fixed_numbers
from spec.testing.differential.redirect.session import MAPS, RedirectSession, compiled, source
from spec.testing.differential.redirect.simplify import is_whole, simpler_frames
from spec.testing.differential.script import Script
from spec.testing.differential.step import Step


class RedirectArea(LabArea):
    """Frames on their way through devices, maps, programs and processors."""

    name = "redirect"
    steps = 1500
    steps_between_checks = 150
    operations = OPERATIONS

    def open(self, pair: Pair) -> RedirectSession:
        """A session from nothing."""
        return RedirectSession(pair)

    def compiled(self) -> Sequence[Path]:
        """The one object with everything."""
        return (compiled(),)

    def script(self, lines: tuple[str, ...]) -> Script:
        """*lines* with the whole object."""
        programs = tuple(re.findall(r'SEC\("xdp[^"]*"\) int (\w+)', source()))
        lines = (
            f"_ = [numbers.update(*pair) for pair in {list(fixed_numbers(0).items())}]",
            *lines,
        )
        maps = (*MAPS, "numbers", "places")
        return Script(
            source(), maps, programs, lines, lambda lab: [lab.load(compiled())]
        ).mentioned()

    def simpler(self, step: Step) -> Sequence[Step]:
        """None that would depend on time where *step* does not."""
        plain = () if step.name == "receive" else super().simpler(step)
        return [
            *simpler_frames(step),
            *(other for other in plain if is_whole(other) and not depends_on_time(other)),
        ]
