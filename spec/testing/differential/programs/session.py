# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random programs on the kernel, and on the machine by translator and by interpreter."""

from __future__ import annotations

import re
import traceback
from collections import Counter
from contextlib import ExitStack

from spec import ModelLab
from spec.errors import InputError
from spec.lab import Lab
from spec.machine import MachineFault
from spec.testing.differential.area import Difference, Pair
from spec.testing.differential.choices import Choices
from spec.testing.differential.programs.case import Case, case_of, step_of
from spec.testing.differential.programs.comparison import BEYOND, CRASH, difference, unpromised
from spec.testing.differential.programs.damage import damaged
from spec.testing.differential.programs.execution import Outcome, Player
from spec.testing.differential.programs.generator import make_case
from spec.testing.differential.programs.version import NEWEST, Version, probe
from spec.testing.differential.step import Step

RUN, LOAD = "run", "load"
RUNS, REFUSED = "program runs", "programs that only the kernel refused"
PACKETS = 48
"""Packets that each program runs on: each is one run."""
DAMAGED = 0.2
"""The share of cases that are broken and only loaded."""
INTERPRETER, TRANSLATOR = "interpreter", "translator"


class ProgramsSession:
    """Three engines that play the same cases.

    It counts packets through a loaded program, and programs that only the kernel refuses;
    ``unpromised`` does so by the decisive line without the numbers.
    """

    def __init__(self, pair: Pair, highest: int = NEWEST) -> None:
        self.counted, self.unpromised = Counter[str](), Counter[str]()
        self._opened = ExitStack()
        try:
            kernel = self._open(pair.kernel())
            self._opened.enter_context(kernel.inside())
            self.kernel = Player(kernel)
            self.machines = {TRANSLATOR: Player(self._open(pair.model()))}
            self.machines[INTERPRETER] = Player(self._open(_interpreting(pair)))
            self.version: Version = probe(kernel, highest)
        except BaseException:
            self._opened.close()
            raise

    def _open(self, lab: Lab) -> Lab:
        self._opened.callback(lab.close)
        return lab

    def draw(self, choices: Choices) -> Step:
        """A case to run, or one to be refused."""
        case = make_case(choices, self.version, PACKETS)
        if choices.chance(DAMAGED):
            return step_of(LOAD, damaged(choices, case))
        return step_of(RUN, case)

    def perform(self, step: Step) -> Difference | None:
        """Play the case of *step* on all three."""
        case = case_of(step.arguments)
        content = case.object()
        kernel = _played(self.kernel, step.name, case, content)
        for name, player in self.machines.items():
            # What the kernel does not let run is not run by the machine either.
            model = _played(player, LOAD if kernel.error else step.name, case, content)
            found = difference(name, model, kernel)
            if found is not None:
                return found
        if why := unpromised(model, kernel):
            self.counted[REFUSED] += 1
            self.unpromised[re.sub(r"-?\b0x[0-9a-f]+|-?\d+", "N", why)] += 1
        self.counted[RUNS] += len(kernel.runs)
        return None

    def check(self) -> Difference | None:
        """Every step has compared everything."""
        return None

    def close(self) -> None:
        """Take the labs down."""
        self._opened.close()


def _interpreting(pair: Pair) -> Lab:
    """A second lab of the model; what is no model of ours runs as it does."""
    lab = pair.model()
    if isinstance(lab, ModelLab):
        lab.machine = INTERPRETER
    return lab


def _played(player: Player, name: str, case: Case, content: bytes) -> Outcome:
    """What came of it, be it that the machine gives up."""
    try:
        return player.play(case, content) if name == RUN else player.loads(content)
    except MachineFault as fault:
        return Outcome("MachineFault", str(fault))
    except InputError as problem:
        return Outcome(BEYOND, str(problem))
    except Exception as crash:  # a bug, to be made small like any other difference
        place = traceback.extract_tb(crash.__traceback__)[-1]
        return Outcome(CRASH, f"{crash!r} in {place.name}, line {place.lineno}")
