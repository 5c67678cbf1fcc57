# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The index of rules and the summary of evidence count what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs_site import PAGE, Site

OVERVIEW = """\
Overview
========

.. rules-index::

.. evidence-summary::
"""

SECOND = """\
Second
======

.. lab:: eth0

.. rule:: second.first
   :since: 5.4
   :until: 5.13

   The first of ``two``, after :rule:`page.pass`.

   >>> eth0.down()
   >>> eth0.up()

.. rule:: second.card
   :needs: hardware

   Not here.
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.write(page=PAGE, second=SECOND, overview=OVERVIEW)
    return site


def text(html: str) -> str:
    """What remains of HTML without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def rows(html: str, table: str) -> list[str]:
    """The rows of the tables of that class, heading rows left out."""
    tables = re.findall(rf'<table class="[^"]*{table}.*?</table>', html, re.DOTALL)
    bodies = "".join(re.findall(r"<tbody>(.*?)</tbody>", "".join(tables), re.DOTALL))
    return [text(row) for row in re.findall(r"<tr.*?</tr>", bodies, re.DOTALL)]


def test_the_index_counts_rules_statements_and_verdicts(site: Site) -> None:
    site.record("model")
    site.record("kernel", page_pass={"outcome": "skipped"})
    build = site.build()
    assert build.clean, build.warnings
    shown = text(site.html("overview"))
    assert "3 rules 3 statements that prove them 7 examples on all pages" in shown
    assert "3 held on Reference model of Linux 6.18" in shown
    assert "2 held, 1 not run here on Linux 6.18.44" in shown


def test_the_index_lists_each_rule_with_its_sentence_and_verdict(site: Site) -> None:
    site.record("model")
    site.build()
    listed = rows(site.html("overview"), "rules-index")
    assert listed[0] == (
        "page.pass What XDP_PASS is returned for goes to the stack. 4.8 on 1 "
        "✓ model 6.18 held ○ kernel not run here"
    )
    assert listed[1].startswith("second.first The first of two , after page.pass . 5.4 – 5.13 2")
    assert len(listed) == 3


def test_the_index_links_to_each_rule(site: Site) -> None:
    site.record("model")
    site.build()
    for link in ("page.html#page.pass", "second.html#second.first", "second.html#second.card"):
        assert f'href="{link}"' in site.html("overview")


def test_the_index_follows_when_another_page_changes(site: Site) -> None:
    site.record("model")
    assert site.build().clean
    site.write(second=SECOND.replace("The first", "The very first"))
    site.record("model")
    assert site.build().clean
    assert "The very first of two" in text(site.html("overview"))


def test_the_summary_says_what_ran_where_and_how_much_of_it_held(site: Site) -> None:
    site.record("model")
    site.record("kernel", "6.12", lab={"outcome": "skipped"})
    site.build()
    assert rows(site.html("overview"), "evidence-summary") == [
        "model 6.18 x86_64 2026-11-23 0123456789ab 7 0",
        "kernel 6.12.44 x86_64 2026-11-23 0123456789ab 5 2",
    ]


def test_rules_are_found_by_the_search(site: Site) -> None:
    site.record("model")
    site.build()
    index = (site.out / "searchindex.js").read_text()
    assert "second.first" in index
