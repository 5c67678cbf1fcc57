# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whatever is in the way of ``xdpspec check`` is told in one line that says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.check_command import check, command, folder
from tests.page_project import GOOD, HEAD, ROOT

NO_COMPILER = """
import shutil
from spec.testing import toolchain
shutil.which = lambda *_, **__: None
toolchain._zig_folder = lambda: None
"""
NO_LIBBPF = "import kernel_impl.libbpf as b; b.LIBRARY = 'libabsent.so.1'"
NOBODY = """
import os
import click._textwrap, kernel_impl.checking, kernel_impl.command
import spec.testing.reports.document, spec.testing.reports.ktap
os.setresuid(65534, 65534, 65534)
"""

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can do this")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return folder(tmp_path, good=GOOD)


def one_line(done: subprocess.CompletedProcess[str], status: int) -> str:
    """What *done* said on standard error, and nothing else."""
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    (line,) = done.stderr.splitlines()
    return line.removeprefix("xdpspec check: ")


def test_without_a_compiler_the_remedy_is_told(good: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name not in ("CLANG", "CC")}
    done = check("--engine", "model", "--pages", good, setup=NO_COMPILER, env=env)
    assert (done.returncode, done.stdout) == (3, "")
    for line in done.stderr.splitlines():
        assert line.endswith("run `pip install 'xdpspec[compiler]'`, or install clang")


def test_without_libbpf_the_remedy_is_told(good: Path) -> None:
    done = check("--pages", good, setup=NO_LIBBPF)
    assert done.returncode == 3
    assert "can't be loaded" in done.stderr
    assert "install libbpf1" in done.stderr


@as_root
def test_an_ordinary_user_learns_which_capabilities_are_missing() -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        done = check("--pages", folder(Path(place), good=GOOD), setup=NOBODY)
    assert done.returncode == 3
    assert "not root and without CAP_NET_ADMIN" in done.stderr
    assert "run as root (sudo)" in done.stderr


def test_ktap_that_could_not_begin_says_why_in_its_plan(good: Path) -> None:
    done = check("--ktap", "--pages", good, setup=NO_LIBBPF)
    assert done.returncode == 3
    version, plan = done.stdout.splitlines()
    assert version == "KTAP version 1"
    assert plan.startswith("1..0 # SKIP libbpf.so.1 can't be loaded")


def test_a_broken_page_is_named_with_its_line(tmp_path: Path) -> None:
    pages = folder(tmp_path, bad=f"{HEAD}\n.. rule:: no.proof\n\n   Nothing follows.\n")
    line = one_line(check("--engine", "model", "--pages", pages), 2)
    assert (
        line == "docs/bad.rst:30: rule 'no.proof' has no >>> example; add one, or :needs: hardware"
    )


def test_a_page_that_is_not_text_is_named(tmp_path: Path) -> None:
    pages = folder(tmp_path)
    (pages / "odd.rst").write_bytes(f"{GOOD}\n".encode() + b"\xff\n")
    line = one_line(check("--engine", "model", "--pages", pages), 2)
    assert "odd.rst:" in line
    assert line.endswith("not UTF-8; convert the page to UTF-8")


def test_a_folder_without_pages_is_wrong_usage(tmp_path: Path) -> None:
    line = one_line(check("--engine", "model", "--pages", folder(tmp_path)), 2)
    assert line.endswith("docs: no page with a lab; give a folder of .rst or .md pages")


def test_the_running_kernel_has_a_release_of_its_own(good: Path) -> None:
    line = one_line(check("--release", "5.10", "--pages", good), 2)
    assert line.startswith("--release: the running kernel has a release of its own; ")


def test_evidence_is_about_whole_pages(good: Path, tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    done = check("--engine", "model", "--pages", good, "-k", "hit", "--evidence", file)
    assert one_line(done, 2) == "--evidence: is about whole pages; leave out -k"
    assert not file.exists()


@pytest.mark.parametrize("option", ["--junit", "--html", "--evidence"])
def test_a_file_that_cannot_be_written_is_wrong_usage(
    option: str, good: Path, tmp_path: Path
) -> None:
    for place in (tmp_path / "absent" / "file", good):
        line = one_line(check("--engine", "model", "--pages", good, option, place), 2)
        assert line.startswith(f"{place}: ")
    assert not (tmp_path / "absent").exists()


def test_a_file_that_is_replaced_keeps_its_permissions(good: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("mine")
    file.chmod(0o640)
    check("--engine", "model", "--pages", good, "--html", file)
    assert file.read_text().startswith("<!doctype html>")
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docs", "report.html"]


@as_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare(1) is not here")
def test_a_full_disk_leaves_every_file_as_it_was(good: Path, tmp_path: Path) -> None:
    small, elsewhere = tmp_path / "small", tmp_path / "report.xml"
    small.mkdir()
    elsewhere.write_text("mine")
    report = small / "report.html"
    arguments = ("--engine", "model", "--pages", good, "--junit", elsewhere, "--html", report)
    script = (
        'mount -t tmpfs -o size=4k tmpfs "$0" && echo mine > "$0/report.html" && { "$@"; '
        'status=$?; ls -A "$0" && cat "$0/report.html"; exit $status; }'
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, str(small), *command(*arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout == "report.html\nmine\n"
    assert done.stderr.startswith(f"xdpspec check: {report}: can't be written: No space left")
    assert len(done.stderr.splitlines()) == 1
    assert elsewhere.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docs", "report.xml", "small"]


def test_standard_output_that_is_full_is_told(good: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("--engine", "model", "--pages", good),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
    assert done.returncode == 3
    expected = "xdpspec check: standard output: No space left on device; make room\n"
    assert done.stderr == expected
