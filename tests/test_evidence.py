# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a run writes down about what it saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spec.testing.engine import Engine
from spec.testing.evidence import digest
from spec.testing.page import read_page
from tests.page_project import GOOD, Project


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(pytester, monkeypatch)


def files(project: Project) -> list[Path]:
    return sorted((project.docs / "evidence").glob("*.json"))


def written(project: Project) -> dict[str, Any]:
    (file,) = files(project)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def aged(file: Path) -> str:
    """Make *file* what a run of long ago would have written, and say what that is."""
    record = {**json.loads(file.read_text()), "date": "2000-01-01"}
    file.write_text(json.dumps({**record, "digest": digest(record)}))
    return file.read_text()


def test_each_example_is_recorded_with_its_digest(project: Project, engine: Engine) -> None:
    page = read_page(project.page(GOOD), project.path)
    project.run("--backend", engine.name)
    evidence = written(project)
    assert evidence["engine"] == engine.name
    assert files(project)[0].stem == f"{engine.name}-{evidence['release']}"
    assert {e["name"]: e["sha256"] for e in evidence["examples"]} == {
        example.name: example.digest for example in page.examples
    }
    assert {(e["page"], e["outcome"], e["reason"]) for e in evidence["examples"]} == {
        ("docs/page.rst", "held", "")
    }


def test_the_live_kernel_is_named_in_full(project: Project, engine: Engine) -> None:
    project.page(GOOD)
    project.run("--backend", engine.name)
    evidence = written(project)
    if engine.name == "kernel":
        assert evidence["kernel"] == "1.2.3"
        assert evidence["machine"]
    else:
        assert (evidence["kernel"], evidence["machine"]) == ("", "")


def test_what_failed_and_what_was_skipped_is_recorded_as_such(project: Project) -> None:
    text = GOOD.replace("   XDP_REDIRECT", "   XDP_TX").replace(
        "ports.miss", "ports.miss\n   :since: 99.1"
    )
    project.page(text)
    project.run("--backend", "model")
    seen = {e["name"]: (e["outcome"], e["reason"]) for e in written(project)["examples"]}
    assert seen["ports.hit"] == ("failed", "expected XDP_TX, got XDP_REDIRECT")
    assert seen["ports.miss"][0] == "skipped"
    assert seen["ports.miss"][1].startswith("not in this release: since 99.1")


def test_a_run_that_sees_the_same_leaves_the_file_alone(project: Project) -> None:
    project.page(GOOD)
    project.run("--backend", "model")
    (file,) = files(project)
    before = aged(file)
    project.run("--backend", "model")
    assert file.read_text() == before
    project.page(GOOD.replace("A hit", "Each hit"))
    project.run("--backend", "model")
    assert "2000-01-01" not in file.read_text()


def test_a_page_that_ran_in_part_is_not_recorded(project: Project) -> None:
    project.page(GOOD)
    project.run("--backend", "model", "-k", "hit")
    assert files(project) == []


def test_a_page_that_did_not_run_keeps_its_record(project: Project) -> None:
    project.page(GOOD, "one.rst")
    project.page(GOOD, "two.rst")
    project.run("--backend", "model")
    project.page(GOOD.replace("A hit", "Each hit"), "one.rst")
    project.run("--backend", "model", "docs/one.rst")
    pages = {entry["page"] for entry in written(project)["examples"]}
    assert pages == {"docs/one.rst", "docs/two.rst"}


def test_a_page_that_is_gone_is_forgotten(project: Project) -> None:
    project.page(GOOD, "one.rst")
    gone = project.page(GOOD, "two.rst")
    project.run("--backend", "model")
    gone.unlink()
    project.page(GOOD.replace("A hit", "Each hit"), "one.rst")
    project.run("--backend", "model")
    assert {entry["page"] for entry in written(project)["examples"]} == {"docs/one.rst"}


def test_a_file_of_another_machine_is_left_alone(project: Project) -> None:
    project.page(GOOD)
    project.run("--backend", "model")
    (file,) = files(project)
    record = {**json.loads(file.read_text()), "machine": "another"}
    file.write_text(json.dumps({**record, "digest": digest(record)}))
    before = file.read_text()
    project.run("--backend", "model")
    assert file.read_text() == before
    (other,) = set(files(project)) - {file}
    assert json.loads(other.read_text())["machine"] == ""


def test_a_file_that_somebody_edited_is_written_anew(project: Project) -> None:
    project.page(GOOD)
    project.run("--backend", "model")
    (file,) = files(project)
    before = file.read_text()
    file.write_text(before.replace('"held"', '"failed"', 1))
    project.run("--backend", "model")
    assert file.read_text() == before


def test_several_processes_write_one_record(project: Project) -> None:
    project.page(GOOD)
    project.run("--backend", "model", "-n", "2")
    assert len(written(project)["examples"]) == 6


def test_an_engine_that_is_missing_leaves_no_record(project: Project) -> None:
    project.page(GOOD)
    project.take_away_the_kernel("no root")
    project.run("--backend", "kernel")
    assert files(project) == []


def test_pages_outside_the_documentation_leave_no_record(project: Project) -> None:
    (project.path / "other.rst").write_text(GOOD)
    project.run("--backend", "model", "other.rst").assert_outcomes(passed=6)
    assert files(project) == []


def test_a_folder_that_cannot_be_written_is_a_warning(project: Project) -> None:
    project.page(GOOD)
    (project.docs / "evidence").write_text("a file is in the way")
    result = project.run("--backend", "model")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["evidence not written: docs/evidence/model-*.json: *"])
