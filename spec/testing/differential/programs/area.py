# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The area ``programs``: every step is a program of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from spec.lab import Lab
from spec.testing.differential.area import Difference, Pair
from spec.testing.differential.programs import refused
from spec.testing.differential.programs.case import MAIN, case_of, step_of
from spec.testing.differential.programs.listing import c_source
from spec.testing.differential.programs.map_choice import PROGRAMS, TABLES
from spec.testing.differential.programs.memory_file import loaded
from spec.testing.differential.programs.reduction import simpler
from spec.testing.differential.programs.secrecy import keeps_secrets
from spec.testing.differential.programs.session import LOAD, RUN, ProgramsSession
from spec.testing.differential.script import Script, body, fragment
from spec.testing.differential.step import Step


class ProgramsArea:
    """Random programs, valid and broken."""

    name = "programs"
    steps = 100
    steps_between_checks = 100

    def open(self, pair: Pair) -> ProgramsSession:
        """Three labs, which the cases of a session share."""
        return ProgramsSession(pair)

    def compiled(self) -> Sequence[Path]:
        """None: it assembles its own."""
        return ()

    def simpler(self, step: Step) -> Iterator[Step]:
        """Shorter programs, fewer packets, smaller numbers."""
        cases = simpler(case_of(step.arguments))
        if step.name == RUN:
            cases = filter(keeps_secrets, cases)
        return (step_of(step.name, case) for case in cases)

    def python(self, steps: Sequence[Step], difference: Difference) -> str:
        """Loads the last step's program and runs it."""
        del difference
        step = steps[-1]
        if step.name == LOAD:
            return refused.body(c_source(case_of(step.arguments)))
        return body(_script(step))

    def page(self, steps: Sequence[Step], difference: Difference, kernel: Callable[[], Lab]) -> str:
        """The same as part of a page."""
        del difference
        step = steps[-1]
        case = case_of(step.arguments)
        source = c_source(case)
        id = f"{self.name}.{hashlib.sha256(source.encode()).hexdigest()[:8]}"
        if step.name == LOAD:
            return refused.fragment(source, case.object(), id, kernel)
        return fragment(_script(step), id, kernel)


def _script(step: Step) -> Script:
    case, lines = case_of(step.arguments), []
    for filled in case.maps:
        for key, value in filled.elements:
            lines.append(f"{filled.shape.name}.update({key!r}, {value!r})")
    lines += [f"{PROGRAMS}.update({slot}, {name}.fd)" for slot, name in case.entries]
    for packet in case.packets:
        members = {"data": packet.metadata, "data_end": len(packet.data)}
        context = f", context={members}" if packet.metadata else ""
        lines.append(f"{MAIN}.test_run({packet.data!r}{context})")
    for filled in case.maps:
        if filled.shape.type in TABLES:
            name = filled.shape.name
            lines.append(f"[({name}.lookup(key), key) for key in {name}.keys()]")
    maps = tuple(each.shape.name for each in case.maps)
    programs = tuple(name for name, _ in case.programs)
    return Script(
        c_source(case), maps, programs, tuple(lines), lambda lab: [loaded(lab, case.object())]
    )
