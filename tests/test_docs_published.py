# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The table of what published pages come to shows a run's record, with a note where it is due."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec.testing.foreign.kind import Kind
from spec.testing.foreign.record import account, read_record, record_text
from spec.testing.foreign.verdict import Judgement, Verdict
from tests.docs_site import PAGE, PROJECT, Site
from tests.test_docs_overviews import rows

FINE = Judgement(
    "wiki.rst", 3, 9, "pass", Kind.BPF, Verdict.COMPLETED, 3,
    headers=("linux/bpf.h",), joined=(1,), loaded="1 program on model 6.18",
)  # fmt: skip
BAD = Judgement(
    "wiki.rst", 12, 20, "count", Kind.BPF, Verdict.UNDEFINED, 15, "bpf_count is no helper"
)
WHERE = {
    "engine": "model",
    "release": "6.18",
    "date": "2026-11-28",
    "BPF compiler": "clang 19",
    "C compiler": "gcc 12",
    "pages": ["wiki.rst", "plain.rst"],
}
NOTE = '[[note]]\nname = "count"\ntext = "Nobody counts; see :rule:`page.pass`."\n'


class Published:
    """A site whose page shows what was recorded of a wiki."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self.site.write(page=PAGE, shown="Shown\n=====\n\n.. published-table::\n")
        self.site.record("model")
        self.folder = self.site.docs / "published"
        self.folder.mkdir()
        self.note(NOTE)

    def note(self, text: str) -> None:
        (self.folder / "notes.toml").write_text(text)

    def record(self, *judgements: Judgement) -> None:
        path = self.folder / "wiki_1.0.json"
        path.write_text(record_text(judgements, WHERE, path) or "")


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(tmp_path)


def test_a_row_says_place_verdict_and_what_was_added(published: Published) -> None:
    published.record(FINE, BAD)
    assert published.site.build().clean
    html = published.site.html("shown")
    fine, bad = rows(html, "published")
    for text in ("wiki.rst:3", "fine once completed", "&lt;linux/bpf.h&gt;", "of line 1"):
        assert text in fine
    for text in ("wiki.rst:15", "undefined name", "bpf_count is no helper", "Nobody counts"):
        assert text in bad
    assert 'href="page.html#page.pass"' in html
    assert "wiki 1.0" in html
    assert "2 pages, 2 C blocks: " in html
    assert "none in plain.rst" in html


def test_what_is_not_fine_needs_a_note(published: Published) -> None:
    published.record(BAD)
    published.note('[[note]]\nname = "pass"\ntext = "Yes."\n')
    build = published.site.build()
    assert "notes.toml: nothing about wiki.rst:15 (count); add a note" in build.warnings


def test_a_note_about_nothing_is_refused(published: Published) -> None:
    published.record(FINE)
    assert "no record has a block for" in published.site.build().warnings


def test_a_damaged_record_is_refused(published: Published) -> None:
    (published.folder / "wiki_1.0.json").write_text('{"blocks": [{}]}')
    assert (
        "write it anew with `xdpspec pages FOLDER --record FILE`" in published.site.build().warnings
    )


RECORDS = sorted((PROJECT / "docs" / "published").glob("*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=[path.stem for path in RECORDS])
def test_the_committed_record_is_what_a_run_writes(path: Path) -> None:
    record = read_record(path)
    fields = set(account(FINE))
    kinds = {kind.value for kind in Kind}
    assert {"map_devmap.rst", "map_cpumap.rst", "map_xskmap.rst"} <= set(record["pages"])
    for block in record["blocks"]:
        assert set(block) == fields
        assert block["kind"] in kinds
        assert block["line"] <= block["at"] <= block["last_line"]
        assert len(block["message"]) < 200
