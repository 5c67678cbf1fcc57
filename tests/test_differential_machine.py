# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Hypothesis looks for steps that tell the model from the kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from hypothesis.strategies import DataObject, data

import kernel_impl
from kernel_impl.fuzzing import KERNEL, pairs
from spec import ModelLab
from spec.testing.differential.area import Area, Pair
from spec.testing.differential.areas import AREAS
from spec.testing.differential.mutations import MUTATIONS
from tests.drawn_choices import DrawnChoices
from tests.example_database import machine_settings

EXAMPLES, STEPS = 8, 30
AREAS_OF_STEPS = ("maps", "redirect")
"""A step of the third area is a whole random program: more than Hypothesis likes to draw."""
EASY = {"maps": "errno of an update", "redirect": "stale state"}


def machine_of(area: Area, pair: Pair) -> type[RuleBasedStateMachine]:
    """A state machine whose one rule is the next step of a session of *area*."""

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.session = area.open(pair)

        @rule(drawn=data())
        def step(self, drawn: DataObject) -> None:
            step = self.session.draw(DrawnChoices(drawn))
            assert self.session.perform(step) is None

        def teardown(self) -> None:
            try:
                assert self.session.check() is None
            finally:
                self.session.close()

    return Machine


@pytest.fixture
def with_kernel() -> Iterator[Pair]:
    """The model and the running kernel."""
    if problem := kernel_impl.missing():
        pytest.skip(problem)
    before = os.sched_getaffinity(0)
    yield pairs(KERNEL)(0)
    os.sched_setaffinity(0, before)


@pytest.mark.kernel
@pytest.mark.parametrize("area", AREAS_OF_STEPS)
def test_nothing_tells_the_model_from_the_kernel(area: str, with_kernel: Pair) -> None:
    machine = machine_of(AREAS[area], with_kernel)
    run_state_machine_as_test(machine, settings=machine_settings(EXAMPLES, STEPS))


@pytest.mark.parametrize("area", AREAS_OF_STEPS)
def test_the_machine_notices_a_broken_model(area: str) -> None:
    mutation = next(each for each in MUTATIONS[area] if each.name == EASY[area])
    machine = machine_of(AREAS[area], Pair(ModelLab, ModelLab, broken=mutation.broken))
    quick = settings(machine_settings(60, STEPS), phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=quick)
