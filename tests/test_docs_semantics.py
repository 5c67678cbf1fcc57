# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The table of observed rules shows each with its rule's link and the number of its tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs_site import PAGE, Site
from tests.test_docs_overviews import rows

TABLE = """\
["C-01"]
sentence = "A frame is passed."
rule = "page.pass"
function = "spec.redirect.native.do_redirect"
found = "it is"

["C-02"]
sentence = "It rains."
rule = "page.weather"
function = "spec.model.ModelLab"
not_observed = "no window"
"""

PROOF = '@pytest.mark.semantics("C-01")\ndef test_{name}() -> None: ...\n'


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.write(page=PAGE, observed="Observed\n========\n\n.. semantics-table::\n")
    site.record("model")
    (site.docs / "semantics").mkdir()
    (site.docs / "semantics" / "maps.toml").write_text(TABLE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_semantics_one.py").write_text(PROOF.format(name="one"))
    return site


def test_each_observed_rule_has_a_row_with_its_tests(site: Site) -> None:
    build = site.build()
    assert build.clean, build.warnings
    # The words of a dotted name stand apart, so that a narrow column can break it.
    shown = [row.replace(" . ", ".") for row in rows(site.html("observed"), "semantics")]
    assert shown == [
        "C-01 A frame is passed. Found: it is. page.pass spec.redirect.native.do_redirect 1",
        "C-02 It rains. Not observed: no window. page.weather spec.model.ModelLab 0",
    ]
    assert 'href="page.html#page.pass"' in site.html("observed")
    assert 'href="page.html#page.weather"' not in site.html("observed")


def test_another_test_is_counted_by_the_next_build(site: Site) -> None:
    site.build()
    more = PROOF.format(name="one") + PROOF.format(name="two")
    (site.docs.parent / "tests" / "test_semantics_one.py").write_text(more)
    assert site.build().clean
    assert rows(site.html("observed"), "semantics")[0].endswith(" 2")


def test_an_unusable_table_is_told_in_one_line(site: Site) -> None:
    (site.docs / "semantics" / "maps.toml").write_text("C-01 = 5\n")
    build = site.build()
    assert not build.clean
    assert "maps.toml: C-01: stands outside a table" in build.warnings
    assert "Traceback" not in build.warnings
