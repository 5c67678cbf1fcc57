# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What areas whose steps are operations on a lab have in common."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence

from spec.lab import Lab
from spec.testing.differential.area import Difference
from spec.testing.differential.lab_session import Operation
from spec.testing.differential.script import Script, body, fragment
from spec.testing.differential.step import Argument, Step, names_in

MAKERS = ("create_map", "tap", "veth", "namespace", "socket")
_NUMBERED = re.compile(r"[a-z]+\d+(_peer)?")
"""What the things that steps make are called."""


class LabArea:
    """Writes steps down line by line."""

    name: str
    operations: Mapping[str, Operation]

    def script(self, lines: tuple[str, ...]) -> Script:
        """*lines* and the C that they need."""
        raise NotImplementedError

    def python(self, steps: Sequence[Step], difference: Difference) -> str:
        """The body of a function that does *steps*."""
        return body(self._script(steps, difference))

    def page(self, steps: Sequence[Step], difference: Difference, kernel: Callable[[], Lab]) -> str:
        """A page fragment that does *steps*."""
        script = self._script(steps, difference)
        digest = hashlib.sha256("\n".join(script.lines).encode()).hexdigest()[:8]
        return fragment(script, f"{self.name}.case_{digest}", kernel)

    def simpler(self, step: Step) -> Sequence[Step]:
        """The step with one argument made simpler."""
        found = []
        for at, argument in enumerate(step.arguments):
            for other in _simpler(argument):
                arguments = *step.arguments[:at], other, *step.arguments[at + 1 :]
                found.append(Step(step.name, arguments))
        return found

    def _script(self, steps: Sequence[Step], difference: Difference) -> Script:
        lines = [self.operations[step.name].python(*step.arguments) for step in _effective(steps)]
        what = difference.what.partition("  # ")[0]
        if what not in lines[-1]:
            lines.append(what)
        return self.script(tuple(lines))


def _effective(steps: Sequence[Step]) -> list[Step]:
    """Those of *steps* that speak only of things which steps before them, or they, have made."""
    made: set[str] = set()
    kept = []
    for step in steps:
        names = {name for name in names_in(step.arguments) if _NUMBERED.fullmatch(name)}
        if step.name in MAKERS:
            made |= names
        if names <= made:
            kept.append(step)
    return kept


def _simpler(argument: Argument) -> Sequence[Argument]:
    if isinstance(argument, bool) or argument is None or isinstance(argument, str):
        return ()
    if isinstance(argument, int):
        return [number for number in (0, 1, 4, 8) if number < abs(argument)]
    if isinstance(argument, bytes):
        zeros = bytes(len(argument))
        return () if argument == zeros else (zeros,)
    return [
        (*argument[:at], other, *argument[at + 1 :])
        for at, part in enumerate(argument)
        for other in (0, *_simpler(part))
        if other != part
    ]
