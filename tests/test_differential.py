# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The search for differences: what it finds, that it finds it, and what it makes of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import kernel_impl
from kernel_impl.command import main
from kernel_impl.fuzz import STEPS
from kernel_impl.fuzzing import KERNEL, pairs
from kernel_impl.release import release as running_release
from spec import ModelLab
from spec.errors import InputError
from spec.lab import Lab
from spec.release import Release
from spec.testing.build import Build
from spec.testing.differential.area import Pair
from spec.testing.differential.areas import AREAS
from spec.testing.differential.campaign import Limits, Pairs, run_campaign, run_session
from spec.testing.differential.choices import RandomChoices
from spec.testing.differential.corpus import area_of, case_text, read_case, read_corpus
from spec.testing.differential.mutation import Mutation
from spec.testing.differential.mutations import MUTATIONS, notice
from spec.testing.differential.script import program
from spec.testing.differential.shrink import Failure, Shrinker, replay
from spec.testing.differential.step import Step
from spec.testing.engine import Engine
from spec.testing.outcome import Held
from spec.testing.page import read_page
from spec.testing.runner import PageRun

SEED = 20260101
CORPUS = sorted(read_corpus(Path(__file__).parent / "differential" / "corpus"))
STEPS_TO_NOTICE = 6_000
ON_THE_KERNEL = {"maps": 100_000, "redirect": 6_000}
"""About half a minute together, on two processors."""
EVERY_MUTATION = [(area, each) for area, several in MUTATIONS.items() for each in several]


def alone(_: int) -> Pair:
    """The model and itself."""
    return Pair(ModelLab, ModelLab)


@pytest.fixture
def kernel() -> Iterator[Pairs]:
    """The model and the running kernel."""
    if problem := kernel_impl.missing():
        pytest.skip(problem)
    before = os.sched_getaffinity(0)
    yield pairs(KERNEL)
    os.sched_setaffinity(0, before)


def mutation(area: str, name: str) -> Mutation:
    """The mutation of that name."""
    return next(each for each in MUTATIONS[area] if each.name == name)


def test_every_area_can_be_asked_for() -> None:
    assert list(STEPS) == list(AREAS)


# What is found.


@pytest.mark.kernel
@pytest.mark.parametrize("area", list(ON_THE_KERNEL))
def test_the_kernel_does_what_the_model_does(kernel: Pairs, area: str) -> None:
    result = run_campaign(AREAS[area], kernel, SEED, Limits(ON_THE_KERNEL[area]), workers=2)
    assert result.failed is None
    assert result.steps == ON_THE_KERNEL[area]


@pytest.mark.kernel
@pytest.mark.parametrize("case", CORPUS, ids=[case.name for case in CORPUS])
def test_what_was_found_is_settled(kernel: Pairs, case: object) -> None:
    found = next(each for each in CORPUS if each is case)
    if not found.is_comparable(Release(running_release())):
        pytest.skip(f"a matter of time on a kernel without {found.needs}")
    assert replay(area_of(found, AREAS), kernel(0), found.steps) is None


@pytest.mark.parametrize("area", ["maps", "redirect"])
def test_the_model_does_what_the_model_does(area: str) -> None:
    assert run_session(AREAS[area], alone(0), SEED, 0, 1500).failure is None


@pytest.mark.parametrize("case", CORPUS, ids=[case.name for case in CORPUS])
def test_every_case_can_be_done_again(case: object) -> None:
    found = next(each for each in CORPUS if each is case)
    assert replay(area_of(found, AREAS), alone(0), found.steps) is None


@pytest.mark.parametrize(
    ("area", "broken"),
    EVERY_MUTATION,
    ids=[f"{area} {each.name}" for area, each in EVERY_MUTATION],
)
def test_a_broken_model_is_noticed(area: str, broken: Mutation) -> None:
    assert notice(AREAS[area], alone, broken, SEED, STEPS_TO_NOTICE).difference


def test_a_release_is_told_from_another() -> None:
    old = Pair(ModelLab, lambda: ModelLab("5.10"))
    assert run_campaign(AREAS["maps"], lambda _: old, SEED, Limits(20_000)).failed is not None


def test_what_other_labs_have_asked_a_processor_for_makes_no_difference() -> None:
    def used_before() -> ModelLab:
        lab = ModelLab("6.1")
        lab.processor.tgt_index = 2
        return lab

    steps: list[list[object]] = [
        ["veth", "veth1", "peer1", 0],
        ["attach", "veth1", "follows", "native"],
        ["receive", "veth1", [[[8, 1500, 0, 4]], 60]],
    ]
    pair = Pair(partial(ModelLab, "6.1"), used_before)
    assert replay(AREAS["redirect"], pair, [Step.from_json(step) for step in steps]) is None


# Same seed, same run.


@pytest.mark.parametrize("area", ["maps", "redirect"])
def test_the_same_seed_draws_the_same_steps(area: str) -> None:
    drawn: list[list[Step]] = []
    for _ in range(2):
        session, choices = AREAS[area].open(alone(0)), RandomChoices(SEED)
        steps = []
        for _ in range(200):
            steps.append(session.draw(choices))
            session.perform(steps[-1])
        drawn.append(steps)
    assert drawn[0] == drawn[1]


def test_the_number_of_workers_changes_nothing() -> None:
    def broken(number: int) -> Pair:
        return alone(number)._replace(broken=mutation("maps", "absent key").broken)

    results = [run_campaign(AREAS["maps"], broken, 7, Limits(20_000), n) for n in (1, 3)]
    one, three = (result.failed for result in results)
    assert one is not None
    assert three is not None
    assert one.failure is not None
    assert three.failure is not None
    assert (one.number, one.failure.steps) == (three.number, three.failure.steps)


def test_parts_share_the_sessions_of_a_seed() -> None:
    parts = [Limits(part=(own, 3)) for own in range(3)]
    numbers = [limits.number(place) for limits in parts for place in range(128)]
    assert sorted(numbers) == list(range(384))


# What becomes of a failure.


@cache
def small_failure(area: str, name: str) -> tuple[Failure, Pair]:
    """What is left of the first failure under the mutation *name*."""
    pair = alone(0)._replace(broken=mutation(area, name).broken)
    session = run_session(AREAS[area], pair, SEED, 0, STEPS_TO_NOTICE)
    assert session.failure is not None
    return Shrinker(session.failure, pair, seconds=20).shrink(), pair


@pytest.mark.parametrize(
    ("area", "name", "most"),
    [("maps", "errno of an update", 2), ("maps", "permission", 3), ("redirect", "stale state", 6)],
)
def test_a_failure_becomes_small(area: str, name: str, most: int) -> None:
    small, pair = small_failure(area, name)
    assert len(small.steps) <= most
    assert replay(small.area, pair, small.steps) is not None


@pytest.mark.parametrize(
    ("area", "name"), [("maps", "errno of an update"), ("redirect", "stale state")]
)
def test_a_failure_becomes_a_program(area: str, name: str) -> None:
    small, _ = small_failure(area, name)
    text = program("Found.", small.area.python(small.steps, small.difference))
    names: dict[str, object] = {}
    exec(compile(text.partition("\nfor make in")[0], "found.py", "exec"), names)
    with ModelLab() as lab:
        names["reproduce"](lab)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("area", "name"), [("maps", "errno of an update"), ("redirect", "stale state")]
)
def test_a_failure_becomes_a_page_that_tells_right_from_wrong(
    tmp_path: Path, area: str, name: str
) -> None:
    small, _ = small_failure(area, name)
    page = read_page(_written(tmp_path / "found.rst", small, ModelLab))
    rule = next(example for example in page.examples if example.kind == "rule")

    def outcome() -> object:
        run = PageRun(page, Engine("model", ModelLab, lambda: None), Build(page))
        try:
            return run.outcome(rule)
        finally:
            run.close()

    assert isinstance(outcome(), Held)
    with mutation(area, name).broken():
        assert not isinstance(outcome(), Held)


def _written(path: Path, failure: Failure, kernel: type[Lab]) -> Path:
    text = failure.area.page(failure.steps, failure.difference, kernel)
    path.write_text(f"Found\n=====\n\n{text}", encoding="utf-8")
    return path


def test_a_page_shows_it_where_our_own_side_of_the_kernel_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(*_: object, **__: object) -> None:
        raise TimeoutError("after 10 s: near has handled 16 of 17 frames")

    small, _ = small_failure("redirect", "stale state")
    monkeypatch.setattr(ModelLab, "tap", stuck)
    text = _written(tmp_path / "found.rst", small, ModelLab).read_text()
    assert "TimeoutError: after 10 s: near has handled 16 of 17 frames" in text


def test_a_failure_is_kept_as_it_is(tmp_path: Path) -> None:
    small, _ = small_failure("maps", "errno of an update")
    path = tmp_path / "case.json"
    path.write_text(case_text(small), encoding="utf-8")
    assert read_case(path).steps == small.steps


def test_a_file_that_is_no_case_is_named(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="not a case"):
        read_case(path)


def test_a_case_can_need_a_change_but_only_one_that_there_is(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    written = {"area": "redirect", "found": "", "steps": []}
    path.write_text(json.dumps({**written, "needs": "cpumap_gro"}), encoding="utf-8")
    case = read_case(path)
    assert [case.is_comparable(Release(each)) for each in ("6.12", "6.15")] == [False, True]
    path.write_text(json.dumps({**written, "needs": "good_weather"}), encoding="utf-8")
    with pytest.raises(InputError, match="good_weather"):
        read_case(path)


# The command.


def fuzz(*arguments: str) -> Result:
    """``xdpspec fuzz`` with *arguments*."""
    return CliRunner().invoke(main, ["fuzz", *arguments])


def test_the_command_says_what_it_did_and_records_it(tmp_path: Path) -> None:
    file = tmp_path / "campaigns.jsonl"
    asked = ("--area", "maps", "--against", "model", "--steps", "3000", "--seed", "5")
    for _ in range(2):
        done = fuzz(*asked, "--record", str(file))
        assert done.exit_code == 0
        assert "maps: no difference in 3,000 steps" in done.stdout
    first, second = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert first["steps"] == second["steps"] == 3000
    assert first["seed"] == 5
    assert first["against"] == "model"


def test_the_command_shows_a_difference_in_both_forms(tmp_path: Path) -> None:
    asked = ("--area", "maps", "--against", "model:5.10", "--steps", "4000", "--seed", "5")
    done = fuzz(*asked, "--keep", str(tmp_path))
    assert done.exit_code == 1
    assert "def reproduce(lab: Lab)" in done.stdout
    assert ".. rule:: found.maps." in done.stdout
    [kept] = tmp_path.glob("*.json")
    assert read_case(kept).area == "maps"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--steps", "0"), "--steps"),
        (("--steps", "5", "--minutes", "1"), "choose one"),
        (("--part", "4/3"), "3/10"),
        (("--against", "windows"), "no engine"),
        (("--against", "model:1.0"), "1.0"),
    ],
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...], words: str) -> None:
    done = fuzz(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_missing_privilege_is_status_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_impl, "missing", lambda: "root: not here; use sudo")
    done = fuzz("--steps", "10")
    assert (done.exit_code, done.stderr) == (3, "xdpspec fuzz: root: not here; use sudo\n")
