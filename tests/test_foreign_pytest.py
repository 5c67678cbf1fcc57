# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``pytest --pages FOLDER``."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.foreign_pages import INCLUDES, MAP, PASS, REDIRECT, REFUSED, USER, rest
from tests.live import need_kernel
from tests.page_project import line_of

OPTIONS = ("-p", "no:hypothesispytest", "-p", "no:doctest", "-p", "no:xdist")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a page in a folder of its own, and things that pytest must not touch."""
    place = tmp_path / "tree"
    (place / "bpf").mkdir(parents=True)
    blocks = (PASS, REDIRECT, MAP, INCLUDES + MAP + REFUSED, "int f(void);", USER)
    (place / "bpf" / "page.rst").write_text(rest(*blocks))
    (place / "conftest.py").write_text("raise SystemExit(3)")
    (place / "test_theirs.py").write_text("def test_theirs(): raise SystemExit")
    return place


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below *folder*, its time and its bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_each_block_is_an_item_with_its_outcome(pytester: pytest.Pytester, tree: Path) -> None:
    before = contents(tree)
    done = pytester.runpytest_subprocess(*OPTIONS, "-rfs", "--pages", tree)
    done.assert_outcomes(passed=4, failed=1, skipped=1)
    page = tree / "bpf" / "page.rst"
    line = line_of(page, "return bpf_map_update_elem")
    message = "refused by the verifier: EACCES: write into map forbidden"
    done.stdout.fnmatch_lines(
        [
            f"{page}:{line}: {message}",
            "*fine once completed with*",
            f"{page}::4-pass: <linux/bpf.h> and <bpf/bpf_helpers.h>",
            f"{page}::8-to_port: *the block of line *",
            "SKIPPED*bpf/page.rst:*: not judged: prototype: nothing but functions without bodies",
        ]
    )
    assert contents(tree) == before


def test_the_live_kernel_loads_where_it_can_be_asked(pytester: pytest.Pytester, tree: Path) -> None:
    need_kernel()
    done = pytester.runpytest_subprocess(*OPTIONS, "--pages", tree)
    done.stdout.fnmatch_lines(["pages: *; programs are loaded on the kernel *"])


def test_the_option_may_be_repeated_and_k_selects(
    pytester: pytest.Pytester, tree: Path, tmp_path: Path
) -> None:
    other = tmp_path / "wiki"
    other.mkdir()
    (other / "home.md").write_text(f"```c\n{INCLUDES}{PASS}```\n")
    done = pytester.runpytest_subprocess(*OPTIONS, "--pages", tree, "--pages", other, "-k", "pass")
    done.assert_outcomes(passed=2, deselected=5)


def test_tests_that_are_named_run_as_well(pytester: pytest.Pytester, tree: Path) -> None:
    pytester.makepyfile("def test_mine(): pass")
    done = pytester.runpytest_subprocess(*OPTIONS, "--pages", tree, "-k", "mine")
    done.assert_outcomes(deselected=6)
    done = pytester.runpytest_subprocess(*OPTIONS, pytester.path, "--pages", tree, "-k", "mine")
    done.assert_outcomes(passed=1, deselected=6)


def test_junit_has_the_verdicts(pytester: pytest.Pytester, tree: Path) -> None:
    pytester.runpytest_subprocess(*OPTIONS, "--pages", tree, "--junitxml", "out.xml")
    cases = list(ElementTree.parse(pytester.path / "out.xml").iter("testcase"))
    told = {
        str(case.get("name")): [p.get("value") for p in case.iter("property")] for case in cases
    }
    assert told["4-pass"][0] == "fine once completed: with <linux/bpf.h> and <bpf/bpf_helpers.h>"
    assert [case.get("name") for case in cases if case.find("failure") is not None] == [
        name for name in told if name.endswith("-writes")
    ]


def refusal(pytester: pytest.Pytester, place: Path) -> str:
    """The one line that says why *place* is not taken."""
    done = pytester.runpytest_subprocess(*OPTIONS, "--pages", place)
    assert (done.ret, done.outlines) == (pytest.ExitCode.USAGE_ERROR, [])
    (line,) = filter(None, done.errlines)
    return line.removeprefix("ERROR: ")


def test_a_folder_that_is_not_there(pytester: pytest.Pytester, tmp_path: Path) -> None:
    place = tmp_path / "absent"
    assert refusal(pytester, place) == f"{place}: no such folder; name a folder that exists"


def test_a_folder_without_pages(pytester: pytest.Pytester, tmp_path: Path) -> None:
    place = tmp_path / "empty"
    place.mkdir()
    (place / "notes.txt").touch()
    assert "no page in it: no file that ends in .rst or .md" in refusal(pytester, place)


def test_a_page_that_is_not_utf_8(pytester: pytest.Pytester, tree: Path) -> None:
    page = tree / "latin.rst"
    page.write_bytes(b"one\ntwo \xe9\n")
    assert refusal(pytester, tree) == f"{page}:2: not UTF-8; convert the page to UTF-8"


def test_a_binary_file_called_a_page(pytester: pytest.Pytester, tree: Path) -> None:
    page = tree / "picture.md"
    page.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    assert refusal(pytester, tree).startswith(f"{page}:3: a binary file that is called a page; ")
