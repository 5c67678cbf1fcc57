# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ``xdpspec check`` writes for programs and for bug reports can be read by what reads it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tap.parser import Parser  # type: ignore[import-untyped]

from spec.testing.engine import Engine
from spec.testing.evidence import checked, digest
from spec.testing.page import read_page
from spec.testing.reports.columns import plain, side_by_side
from tests.check_command import KINDS, check, folder
from tests.page_project import GOOD

NAMES = ["lab", "includes", "ports", "to_port", "ports.hit", "ports.miss", "ports.old"]
NAMES.append("ports.card")


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    return folder(tmp_path, kinds=KINDS)


def test_json_is_all_there_is_on_standard_output(engine: Engine, kinds: Path) -> None:
    done = check("--json", "--engine", engine.name, "--pages", kinds)
    report = json.loads(done.stdout)
    assert (done.returncode, report["status"], done.stderr) == (1, 1, "")
    assert (report["engine"], bool(report["kernel"])) == (engine.name, engine.name == "kernel")
    assert report["summary"] == {"holds": 5, "differs": 1, "other_release": 1, "cant_tell": 1}
    assert [example["name"] for example in report["examples"]] == NAMES
    (differs,) = (e for e in report["examples"] if e["verdict"] == "differs")
    assert differs["name"] == "ports.hit"
    assert differs["sentence"] == "A hit is a redirect."
    (difference,) = differs["differences"]
    assert (difference["expected"], difference["seen"]) == ("XDP_TX\n", "XDP_REDIRECT\n")


def test_errors_are_json_too(kinds: Path) -> None:
    for wrong in (("--release", "9.9"), ("--ktap",), ("--no-such-option",), ("-k", "nothing")):
        done = check("-j", "--engine", "model", "--pages", kinds, *wrong)
        assert done.returncode == json.loads(done.stdout)["status"] == 2
        assert json.loads(done.stdout)["error"]
        assert done.stderr == ""


def test_ktap_passes_a_tap_parser(engine: Engine, kinds: Path) -> None:
    done = check("--ktap", "--engine", engine.name, "--pages", kinds)
    assert done.returncode == 1
    first, *rest = done.stdout.splitlines()
    assert first == "KTAP version 1"
    lines = list(Parser().parse_text("\n".join(rest)))
    assert {line.category for line in lines} == {"plan", "test", "diagnostic"}
    assert lines[0].expected_tests == len(NAMES)
    tests = [line for line in lines if line.category == "test"]
    assert [test.number for test in tests] == list(range(1, len(NAMES) + 1))
    assert [test.description for test in tests] == [f"docs/kinds.rst::{name}" for name in NAMES]
    assert [name for name, test in zip(NAMES, tests, strict=True) if not test.ok] == ["ports.hit"]
    assert [n for n, test in zip(NAMES, tests, strict=True) if test.skip] == NAMES[-2:]
    assert "# ! XDP_TX   | XDP_REDIRECT" in rest


def test_junit_has_a_case_for_each_example(kinds: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    check("--engine", "model", "--pages", kinds, "--junit", file)
    suites = ElementTree.parse(file).getroot()
    assert (suites.get("tests"), suites.get("failures"), suites.get("skipped")) == ("8", "1", "2")
    cases = list(suites.iter("testcase"))
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        ("docs/kinds.rst", name) for name in NAMES
    ]
    (failure,) = suites.iter("failure")
    assert failure.get("message") == "expected XDP_TX, got XDP_REDIRECT"
    assert "! XDP_TX   | XDP_REDIRECT" in (failure.text or "")


def test_junit_survives_what_xml_cannot_hold(tmp_path: Path) -> None:
    page = f"{GOOD}\n.. rule:: ports.bell\n\n   It rings.\n\n   >>> print('\\x07\\x1b[1m')\n   x\n"
    file = tmp_path / "report.xml"
    done = check("--engine", "model", "--pages", folder(tmp_path, page=page), "--junit", file)
    assert done.returncode == 1
    assert len(list(ElementTree.parse(file).getroot().iter("failure"))) == 1


class _Outline(HTMLParser):
    """What a document consists of, and what it asks a network for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_html_is_one_file_that_shows_what_differs(kinds: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    check("--engine", "model", "--pages", kinds, "--html", file)
    text = file.read_text()
    outline = _Outline(text)
    assert (outline.open, outline.fetched) == ([], [])
    assert "url(" not in text
    assert "Something differs" in outline.texts
    assert "XDP_TX" in outline.texts
    assert "XDP_REDIRECT" in outline.texts
    assert "Nobody remembers XDP & <this>." in outline.texts


@pytest.mark.usefixtures("kinds")
def test_evidence_is_as_pytest_writes_it(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    page = read_page(tmp_path / "docs" / "kinds.rst", tmp_path)
    assert check("--engine", engine.name, "--pages", tmp_path / "docs", "--evidence", file)
    evidence = json.loads(file.read_text())
    assert (evidence["engine"], bool(evidence["kernel"])) == (engine.name, engine.name == "kernel")
    assert {e["name"]: e["sha256"] for e in evidence["examples"]} == {
        example.name: example.digest for example in page.examples
    }
    told = {e["name"]: (e["page"], e["outcome"], e["reason"]) for e in evidence["examples"]}
    assert told["ports.hit"] == (
        "docs/kinds.rst",
        "failed",
        "expected XDP_TX, got XDP_REDIRECT",
    )
    assert told["ports.miss"] == ("docs/kinds.rst", "held", "")
    assert told["ports.old"][2].startswith("not in this release: until 4.1, this is ")


def test_evidence_that_says_the_same_is_left_alone(kinds: Path, tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    check("--engine", "model", "--pages", kinds, "--evidence", file)
    record = {**json.loads(file.read_text()), "date": "2000-01-01"}
    older = json.dumps({**record, "digest": digest(record)})
    file.write_text(older)
    check("--engine", "model", "--pages", kinds, "--evidence", file)
    assert file.read_text() == older


def test_evidence_can_have_a_label(kinds: Path, tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    check("--engine", "model", "--pages", kinds, "--evidence", file, "--label", "el10")
    assert checked(file)["label"] == "el10"


def test_lines_that_are_the_same_stand_beside_each_other() -> None:
    rows = list(side_by_side("one\ntwo\nfour\n", "one\nthree\ntwo\n"))
    assert [tuple(row) for row in rows] == [
        ("one", "one"),
        (None, "three"),
        ("two", "two"),
        ("four", None),
    ]
    assert [tuple(row) for row in side_by_side("", "x")] == [("(nothing)", "x")]


def test_sentences_lose_their_markup() -> None:
    assert plain("``XDP_TX`` by :c:func:`bpf_redirect`, at 2\\ :sup:`31`.") == (
        "XDP_TX by bpf_redirect, at 2^31."
    )
