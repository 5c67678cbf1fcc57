# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The table of changes and the rules that the model's own source keeps."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import spec
from spec import ModelLab
from spec.changes import CHANGES
from spec.errors import InputError
from spec.release import NEWEST, OLDEST, Release, change, number
from tests.redirect_programs import SOURCE, asks, frame, metadata, slot

pytestmark = pytest.mark.model
SPEC = Path(spec.__file__).parent
MOST_LINES = 350

ONLY_STANDARD_LIBRARY = """
import importlib, pkgutil, sys

sys.path.insert(0, sys.argv[1])
own = {"spec", "__main__"}
before = set(sys.modules)

import spec

for module in pkgutil.walk_packages(spec.__path__, "spec."):
    if not module.name.startswith("spec.testing"):
        importlib.import_module(module.name)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before} - own
print(*sorted(loaded - sys.stdlib_module_names))
"""


def model_files() -> list[Path]:
    """Every file of the model, without the tools that run pages."""
    return [path for path in SPEC.rglob("*.py") if "testing" not in path.relative_to(SPEC).parts]


def test_every_change_is_asked_for_by_name_somewhere_in_the_model() -> None:
    others = [path for path in SPEC.rglob("*.py") if path.parent.name != "changes"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in others)
    assert [change.name for change in CHANGES if f'"{change.name}"' not in text] == []


def test_the_model_asks_for_nothing_that_is_not_in_the_table() -> None:
    asked = set[str]()
    for path in SPEC.rglob("*.py"):
        asked |= set(
            re.findall(
                r'release(?:_table)?\.has\(\s*"(\w+)"\s*\)', path.read_text(encoding="utf-8")
            )
        )
    assert asked
    assert asked <= {change.name for change in CHANGES}


def test_a_commit_is_what_git_can_look_up() -> None:
    for each in CHANGES:
        assert re.fullmatch(r"[0-9a-f]{12}|", each.commit), each.name


def test_what_was_carried_back_went_to_older_lines() -> None:
    for each in CHANGES:
        assert each.release not in each.backports
        for line in each.backports:
            assert Release(line).has(each.name)
            assert number(line) < number(each.release), each.name
        assert number(OLDEST) < number(each.release) <= number(NEWEST), each.name


def test_a_release_has_what_came_before_it_and_what_was_carried_back() -> None:
    assert Release("5.14").has("broadcast")
    assert not Release("5.13").has("broadcast")
    assert change("excluded_devices_bounded").release == "7.0"
    assert Release("6.18").has("excluded_devices_bounded")
    assert not Release("6.17").has("excluded_devices_bounded")


def test_every_change_is_one_sentence_under_a_name_of_its_own() -> None:
    assert len({change.name for change in CHANGES}) == len(CHANGES)
    assert all(change.sentence.endswith((".", ").")) for change in CHANGES)


@pytest.mark.parametrize("text", ["5.9", "7.3", "6", "6.18.44", "newest"])
def test_a_release_that_is_not_modelled_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as caught:
        ModelLab(text)
    assert "\n" not in str(caught.value)


def test_the_model_imports_the_standard_library_only(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ONLY_STANDARD_LIBRARY, str(SPEC.parent)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert (run.stderr, run.stdout.strip()) == ("", "")


def test_no_file_of_the_model_is_too_long_to_read() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in model_files()}
    assert len(lengths) > 50
    assert {path.name for path, length in lengths.items() if length > MOST_LINES} == set()


@pytest.mark.parametrize(("release", "passed"), [("6.14", 0), ("6.15", 1)])
def test_a_tap_took_no_metadata_before_6_15(
    compile_bpf: Callable[..., Path], release: str, passed: int
) -> None:
    with ModelLab(release) as lab:
        loaded = lab.load(compile_bpf(SOURCE, "redirect_programs"))
        eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
        loaded.maps["tx_port"].update(0, eth1)
        eth0.attach(loaded.programs["follows"])
        eth0.receive(frame(asks(metadata(8))), frame(slot(0)))
        assert (len(eth0.received), len(eth1.sent)) == (passed, 1)
