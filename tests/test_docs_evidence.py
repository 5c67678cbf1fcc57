# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Beside each example stands what the runs recorded, and a strict build accepts nothing less."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from spec.testing.evidence import digest
from tests.docs_site import PAGE, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.write(page=PAGE)
    return site


def badges(html: str) -> list[str]:
    """The badges of a page as their reader sees them."""
    badge = r'<span class="badge .*?<span class="outcome">.*?</span>'
    found = re.findall(badge, html, re.DOTALL)
    assert len(found) == html.count('class="badge ')
    return [" ".join(re.sub(r"<[^>]+>", " ", text).split()) for text in found]


def test_an_example_that_held_on_both_engines_says_so(site: Site) -> None:
    site.record("model")
    site.record("kernel")
    assert site.build().clean
    assert set(badges(site.html("page"))) == {"✓ model 6.18 held", "✓ kernel 6.18 held"}


def test_every_example_has_its_own_badges(site: Site) -> None:
    site.record("model")
    site.build()
    held = [badge for badge in badges(site.html("page")) if "model" in badge]
    assert len(held) == len(["lab", "includes", "pass_all", "page.pass"])


def test_the_tooltip_tells_where_and_when(site: Site) -> None:
    site.record("kernel")
    site.build()
    assert (
        'title="Ran as shown · Linux 6.18.44, x86_64, 2026-11-23, commit 0123456789ab"'
        in site.html("page")
    )


def test_an_engine_without_evidence_reads_not_run_here(site: Site) -> None:
    site.record("model")
    assert site.build().clean
    assert "○ kernel not run here" in badges(site.html("page"))


def test_a_skipped_example_was_not_run_and_says_why(site: Site) -> None:
    site.record("model")
    site.record("kernel", page_pass={"outcome": "skipped", "reason": "needs CAP_NET_ADMIN"})
    assert site.build().clean
    assert "Not run (needs CAP_NET_ADMIN) · Linux 6.18.44" in site.html("page")


def test_a_rule_about_other_releases_says_so(site: Site) -> None:
    site.record("model")
    reason = "not in this release: since 4.8, this is 4.4"
    site.record("kernel", "4.4", page_pass={"outcome": "skipped", "reason": reason})
    assert site.build().clean
    assert "– kernel 4.4 not in this release" in badges(site.html("page"))


def test_pages_that_never_ran_fail_the_build(site: Site) -> None:
    build = site.build()
    assert build.status == 1
    assert "none of the 4 examples was ever executed" in build.warnings


def test_an_example_that_never_ran_fails_the_build_at_its_line(site: Site) -> None:
    site.record("model", pass_all={"outcome": "skipped"})
    build = site.build()
    assert build.status == 1
    line = PAGE.splitlines().index("   :name: pass_all")
    assert f"page.rst:{line}: WARNING: pass_all was never executed" in build.warnings


def test_a_changed_example_is_stale_and_fails_the_build(site: Site) -> None:
    site.record("model")
    site.record("kernel")
    site.write(page=PAGE.replace("== [frame]\n   True", "!= [frame]\n   False"))
    site.record("model")
    build = site.build()
    assert build.status == 1
    line = PAGE.splitlines().index(".. rule:: page.pass") + 1
    assert f"page.rst:{line}: WARNING: page.pass changed since it ran on kernel 6.18" in (
        build.warnings
    )
    assert build.warnings.count("WARNING") == 1
    assert "≠ kernel 6.18 stale" in badges(site.html("page"))


def test_a_rule_whose_releases_changed_is_stale_where_it_did_not_apply(site: Site) -> None:
    reason = "not in this release: since 4.8, this is 4.4"
    site.record("kernel", "4.4", page_pass={"outcome": "skipped", "reason": reason})
    site.write(page=PAGE.replace(":since: 4.8", ":since: 4.2"))
    site.record("model")
    build = site.build()
    assert "page.pass changed since it ran on kernel 4.4" in build.warnings
    assert build.warnings.count("WARNING") == 1


def test_an_example_that_is_newer_than_a_kernels_evidence_fails_the_build(site: Site) -> None:
    site.record("kernel", "5.10")
    more = ".. rule:: page.more\n   :since: 4.8\n\n   More.\n\n   >>> 1\n   1\n"
    site.write(page=f"{PAGE}\n{more}")
    site.record("model")
    build = site.build()
    assert "page.more is newer than the evidence of kernel 5.10" in build.warnings
    assert build.warnings.count("WARNING") == 1


def test_a_failed_example_fails_the_build_with_its_reason(site: Site) -> None:
    site.record("model", page_pass={"outcome": "failed", "reason": "expected True, got False"})
    build = site.build()
    assert build.status == 1
    assert "page.pass failed on model 6.18: expected True, got False" in build.warnings
    assert "✗ model 6.18 failed" in badges(site.html("page"))


def test_a_page_is_built_again_when_only_its_evidence_changed(site: Site) -> None:
    site.record("model")
    assert site.build().clean
    site.record("kernel", "6.12")
    assert site.build().clean
    assert "✓ kernel 6.12 held" in badges(site.html("page"))


def test_nothing_is_built_again_when_nothing_changed(site: Site) -> None:
    site.record("model")
    site.build()
    before = (site.out / "page.html").stat().st_mtime_ns
    assert site.build().clean
    assert (site.out / "page.html").stat().st_mtime_ns == before


def test_kernels_stand_in_the_order_of_their_releases(site: Site) -> None:
    for release in ("6.12", "5.10", "6.1"):
        site.record("kernel", release)
    site.record("model")
    site.build()
    names = [badge.split()[1:3] for badge in badges(site.html("page"))[:4]]
    assert names == [["model", "6.18"], ["kernel", "5.10"], ["kernel", "6.1"], ["kernel", "6.12"]]


def test_evidence_about_what_the_page_lacks_is_stale(site: Site) -> None:
    site.record("model")
    site.write(page=PAGE.replace("page.pass", "page.passes"))
    build = site.build()
    assert build.status == 1
    assert "evidence of model 6.18 is about page.pass, which the page does not have" in (
        build.warnings
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON: "),
        ("\xff", "not JSON: "),
        ('{"engine": "model"}', "not evidence; write it with `xdpspec check --evidence FILE`"),
        ('{"tests": [], "summary": {}}', "not evidence; "),
        ("[]", "not evidence; "),
        ("null", "not evidence; "),
    ],
)
def test_unusable_evidence_is_named_in_one_line(site: Site, text: str, problem: str) -> None:
    site.record("kernel")
    (site.docs / "evidence" / "model-6.18.json").write_text(text, encoding="latin-1")
    build = site.build()
    assert build.status == 1
    (line,) = (line for line in build.warnings.splitlines() if "WARNING" in line)
    assert f"WARNING: evidence/model-6.18.json: {problem}" in line
    assert "Traceback" not in build.warnings
    assert "✓ kernel 6.18 held" in badges(site.html("page"))


@pytest.mark.parametrize("examples", [[{}], ["held"], 7, [{"page": "p", "name": "n"}]])
def test_evidence_without_examples_is_named_in_one_line(site: Site, examples: object) -> None:
    site.record("kernel")
    site.write_evidence("model", "6.18", [])
    file = site.docs / "evidence" / "model-6.18.json"
    record = {**json.loads(file.read_text()), "examples": examples}
    file.write_text(json.dumps({**record, "digest": digest(record)}))
    build = site.build()
    (line,) = (line for line in build.warnings.splitlines() if "WARNING" in line)
    assert "evidence/model-6.18.json: an example lacks its page, name, sha256 or outcome" in line


def test_evidence_that_somebody_edited_is_named_in_one_line(site: Site) -> None:
    site.record("model")
    site.record("kernel", page_pass={"outcome": "failed", "reason": "expected True, got False"})
    file = site.docs / "evidence" / "kernel-6.18.json"
    file.write_text(file.read_text().replace("failed", "held"))
    build = site.build()
    assert build.status == 1
    (line,) = (line for line in build.warnings.splitlines() if "WARNING" in line)
    assert line.endswith(
        "evidence/kernel-6.18.json: changed since a run wrote it; "
        "run the pages again, which rewrites it [evidence.unreadable]"
    )
    assert "○ kernel not run here" in badges(site.html("page"))


def names(site: Site) -> list[str]:
    """What the columns are called."""
    return [badge.rpartition(" ")[0][2:] for badge in badges(site.html("page"))[:5]]


def test_columns_of_one_release_are_named_by_what_tells_them_apart(site: Site) -> None:
    site.record("model")
    site.record("kernel", "6.12")
    site.record("kernel", "6.12", "aarch64")
    site.record("kernel", "6.12", label="el10")
    site.record("kernel", "6.18", "aarch64")
    assert site.build().clean
    assert names(site) == [
        "model 6.18",
        "kernel 6.12 aarch64",
        "kernel 6.12 x86_64",
        "kernel 6.12 x86_64 el10",
        "kernel 6.18",
    ]


def test_two_files_about_the_same_are_named_in_one_line(site: Site) -> None:
    site.record("model")
    site.record("kernel")
    folder = site.docs / "evidence"
    (folder / "mine.json").write_text((folder / "kernel-6.18.json").read_text())
    build = site.build()
    assert build.status == 1
    (line,) = (line for line in build.warnings.splitlines() if "WARNING" in line)
    assert (
        "evidence/mine.json: about the same release, machine and label as kernel-6.18.json; "
        "keep the newer, or run one again with --label"
    ) in line


def test_verdicts_that_contradict_each_other_say_so(site: Site) -> None:
    site.record("model")
    site.record("kernel")
    wrong = {"outcome": "failed", "reason": "expected True, got False"}
    site.record("kernel", machine="aarch64", page_pass=wrong)
    build = site.build()
    assert build.status == 1
    assert (
        "page.pass failed on kernel 6.18 aarch64 (it held on kernel 6.18 x86_64): expected True"
    ) in build.warnings
    html = site.html("page")
    assert html.count("disputed") == 2
    assert "kernel 6.18 aarch64 saw the opposite" in html
    assert "kernel 6.18 x86_64 saw the opposite" in html
