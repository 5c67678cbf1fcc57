# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random programs come to the same everywhere, and a broken machine does not go unnoticed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import kernel_impl
from spec import ModelLab
from spec.errors import InputError, KernelError
from spec.machine import MachineFault, read_object
from spec.machine.instruction import ATOMIC, JLT, JMP32, MEMSX, STX, Instruction
from spec.testing.differential.area import Pair
from spec.testing.differential.choices import RandomChoices
from spec.testing.differential.mutation import Mutation
from spec.testing.differential.programs.area import ProgramsArea
from spec.testing.differential.programs.case import Case, case_of, step_of
from spec.testing.differential.programs.comparison import difference
from spec.testing.differential.programs.execution import Outcome, Player
from spec.testing.differential.programs.generator import make_case
from spec.testing.differential.programs.listing import c_source
from spec.testing.differential.programs.mutations import MUTATIONS
from spec.testing.differential.programs.reduction import simpler
from spec.testing.differential.programs.secrecy import keeps_secrets
from spec.testing.differential.programs.session import LOAD, RUN, RUNS, ProgramsSession
from spec.testing.differential.programs.version import Version, probe
from spec.testing.differential.step import Step

CompileBpf = Callable[..., Path]

SEED = 20260101
CASES = 300
"""Cases within which each mutation has to be noticed."""
ALONE = Pair(ModelLab, ModelLab)


def search(pair: Pair, steps: int, seed: int = SEED) -> ProgramsSession:
    """A session that has found no difference."""
    session = ProgramsArea().open(pair)
    try:
        choices = RandomChoices(seed)
        for _ in range(steps):
            step = session.draw(choices)
            assert session.perform(step) is None, step
    finally:
        session.close()
    return session


def test_interpreter_and_translator_agree() -> None:
    assert search(ALONE, 60).counted[RUNS] > 500


def test_the_kernel_agrees() -> None:
    if problem := kernel_impl.missing():
        pytest.skip(problem)
    from kernel_impl.fuzzing import KERNEL, pairs

    before = os.sched_getaffinity(0)
    try:
        session = search(pairs(KERNEL)(0), 250)
    finally:
        os.sched_setaffinity(0, before)
    assert session.counted[RUNS] > 2500


@pytest.fixture(scope="module")
def cases() -> list[tuple[Case, bytes, Outcome]]:
    """Cases, and what the machine makes of them as it is."""
    choices = RandomChoices(SEED)
    with ModelLab() as lab:
        player = Player(lab)
        made = (make_case(choices, Version(), 8) for _ in range(CASES))
        return [(case, case.object(), player.play(case)) for case in made]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[each.name for each in MUTATIONS])
def test_a_broken_machine_is_noticed(
    mutation: Mutation, cases: list[tuple[Case, bytes, Outcome]]
) -> None:
    with mutation.broken():
        players = [Player(ModelLab(machine=each)) for each in ("interpreter", "translator")]
        for case, content, right in cases:
            for player in players:
                try:
                    found = difference("machine", player.play(case, content), right)
                except Exception:
                    return
                if found is not None:
                    return
    pytest.fail(f"nothing in {CASES} cases shows: {mutation.sentence}")


def test_a_failure_becomes_small(cases: list[tuple[Case, bytes, Outcome]]) -> None:
    mutation = next(each for each in MUTATIONS if each.name == "byte swap")
    right, wrong = Player(ModelLab()), Player(ModelLab(machine="interpreter"))

    def fails(case: Case) -> bool:
        with mutation.broken():
            outcome = wrong.play(case)
        return difference("interpreter", outcome, right.play(case)) is not None

    failing = next(case for case, _, _ in cases if fails(case))
    while True:
        found = next((each for each in simpler(failing) if _is_worse(fails, each)), None)
        if found is None:
            break
        failing = found
    assert failing.slots <= 24
    assert len(failing.packets) == 1


def _is_worse(fails: Callable[[Case], bool], case: Case) -> bool:
    """Whether *case* still fails, and not because it is no program any more."""
    try:
        return keeps_secrets(case) and fails(case)
    except (InputError, KernelError, MachineFault):
        return False


def test_the_same_seed_makes_the_same_cases() -> None:
    first, second = (make_case(RandomChoices(7), Version()) for _ in range(2))
    assert first == second
    assert first != make_case(RandomChoices(8), Version())


def test_a_case_survives_being_written_down() -> None:
    choices = RandomChoices(SEED)
    for _ in range(20):
        case = make_case(choices, Version())
        step = Step.from_json(json.loads(json.dumps(step_of(RUN, case).as_json())))
        assert case_of(step.arguments) == case


def _is_newer(instruction: Instruction) -> bool:
    """Whether version 1 does not have the instruction, as far as compilers write it."""
    is_load = instruction.kind == 1
    return (
        instruction.kind == JMP32
        or (is_load and instruction.mode == MEMSX)
        or (instruction.kind == STX and instruction.mode == ATOMIC and instruction.imm != 0)
        or (instruction.kind == 5 and instruction.operation >= JLT)
        or (instruction.kind == 7 and bool(instruction.offset))
    )


def test_version_1_uses_nothing_newer() -> None:
    choices = RandomChoices(SEED)
    for _ in range(50):
        case = make_case(choices, Version(1, False))
        for _, lines in (*case.programs, *case.functions):
            for line in lines:
                assert line.instruction is None or not _is_newer(line.instruction), line


def test_an_engine_is_asked_for_its_version() -> None:
    with ModelLab() as lab:
        assert probe(lab) == Version(4, True)
        assert probe(lab, 2) == Version(2, False)


def test_the_listing_in_c_is_the_same_program(compile_bpf: CompileBpf, tmp_path: Path) -> None:
    choices = RandomChoices(SEED)
    for number in range(5):
        case = make_case(choices, Version())
        path = tmp_path / "case.o"
        path.write_bytes(case.object())
        ours = {each.name: each.code for each in read_object(path).programs}
        compiled = read_object(compile_bpf(c_source(case), f"case_{number}"))
        assert {each.name: each.code for each in compiled.programs} == ours


@pytest.mark.parametrize("name", [RUN, LOAD])
def test_a_failure_is_printed_as_a_program_and_as_a_page(name: str) -> None:
    area = ProgramsArea()
    step = step_of(name, make_case(RandomChoices(3), Version(), 2))
    shown = difference("translator", Outcome("EINVAL", "reason"), Outcome())
    assert shown is not None
    program = area.python([step], shown)
    compile(program, "reproduce", "exec")
    page = area.page([step], shown, partial(ModelLab))
    assert ".. rule::" in page
    assert ">>> " in page
