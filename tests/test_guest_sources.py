# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is taken from apt's configuration, and how a kernel is chosen from an index."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel_impl.guests.archive import choices, kernel_packages, parts
from kernel_impl.guests.sources import Source, configured, other_suites
from tests.guests import need_apt

DEB822 = """
# the main archive
Types: deb deb-src
URIs: http://mirror.example/debian http://second.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example
Suites: sid
Components: main
"""
ONE_LINE = """
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main  # a comment
#deb http://off.example sid main
deb-src http://mirror.example/debian bookworm main
"""
INDEX = """
Package: linux-image-6.12.9-cloud-amd64
Version: 6.12.9-1
Filename: pool/a.deb
SHA256: a
Size: 1

Package: linux-image-6.12.10+deb13-amd64
Version: 6.12.10-1
Filename: pool/b.deb
SHA256: b
Size: 2

Package: linux-image-6.12.10+deb13-cloud-amd64
Version: 6.12.10-1
Filename: pool/c.deb
SHA256: c
Size: 1
Depends: kmod, linux-binary-6.12.10+deb13-cloud-amd64 (= 6.12.10-1),
 linux-modules-6.12.10+deb13-cloud-amd64 (= 6.12.10-1)

Package: linux-binary-6.12.10+deb13-cloud-amd64
Version: 6.12.10-1
Filename: pool/d.deb
SHA256: d
Size: 1

Package: linux-modules-6.12.10+deb13-cloud-amd64
Version: 6.12.10-1
Filename: pool/e.deb
SHA256: e
Size: 1

Package: linux-image-6.12.10+deb13-rt-amd64
Version: 6.12.10-1
Filename: pool/f.deb
SHA256: f
Size: 1

Package: linux-image-6.12.10+deb13-amd64-unsigned
Version: 6.12.10-1
Filename: pool/g.deb
SHA256: g
Size: 1

Package: linux-image-6.1.0-50-amd64
Version: 6.1.176-1
Filename: pool/h.deb
SHA256: h
Size: 1

Package: linux-image-amd64
Version: 6.12.10-1
Filename: pool/i.deb
SHA256: i
Size: 1

Package: hello
Version: 6.12-1
"""


def written(tmp_path: Path, name: str, text: str) -> list[Source]:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (folder / name).write_text(text)
    (folder / "notes.txt").write_text("deb http://no.example sid main")
    return configured(tmp_path / "sources.list", folder)


def test_sources_in_either_form_are_read(tmp_path: Path) -> None:
    signed = {"Signed-By": "/usr/share/keyrings/debian.gpg"}
    parts = ["main", "contrib"]
    assert written(tmp_path, "debian.sources", DEB822) == [
        Source("http://mirror.example/debian", "bookworm", parts, signed),
        Source("http://mirror.example/debian", "bookworm-updates", parts, signed),
        Source("http://second.example/debian", "bookworm", parts, signed),
        Source("http://second.example/debian", "bookworm-updates", parts, signed),
        Source("http://mirror.example/security", "bookworm-security", ["main"], {}),
    ]


def test_a_line_in_the_old_form_keeps_its_options(tmp_path: Path) -> None:
    options = {"Architectures": "amd64", "Signed-By": "/k.gpg"}
    [source] = written(tmp_path, "debian.list", ONE_LINE)
    assert source == Source("http://mirror.example/debian", "bookworm", ["main"], options)
    assert source.stanza() == (
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n"
        "Architectures: amd64\nSigned-By: /k.gpg\n"
    )


def test_other_suites_come_from_the_same_archive(tmp_path: Path) -> None:
    found = other_suites(written(tmp_path, "debian.sources", DEB822))
    places = {source.suite: source.uri for source in found}
    assert places["bullseye"] == places["sid"] == "http://mirror.example/debian"
    assert places["bullseye-security"] == "http://mirror.example/security"
    assert {tuple(source.components) for source in found} == {("main",)}


def test_an_archive_of_something_else_has_no_suites_for_us() -> None:
    assert other_suites([Source("http://mirror.example/ubuntu", "noble", ["main"])]) == []


def test_the_newest_of_a_release_is_chosen_and_the_small_one_of_it_first() -> None:
    need_apt()
    packages = list(kernel_packages(INDEX.splitlines(), "http://mirror.example/debian/"))
    names = [package.name for package in choices(packages, "6.12", "amd64")]
    assert names == [
        "linux-image-6.12.10+deb13-cloud-amd64",
        "linux-image-6.12.10+deb13-amd64",
        "linux-image-6.12.9-cloud-amd64",
    ]


@pytest.mark.parametrize(("release", "count"), [("6.1", 1), ("6.2", 0), ("6.10", 0)])
def test_a_release_is_no_other_that_begins_like_it(release: str, count: int) -> None:
    need_apt()
    packages = list(kernel_packages(INDEX.splitlines(), "http://mirror.example/debian"))
    assert len(choices(packages, release, "amd64")) == count


def test_a_package_that_is_only_a_name_stands_for_those_it_needs() -> None:
    need_apt()
    packages = list(kernel_packages(INDEX.splitlines(), "http://mirror.example/debian"))
    image, whole, _ = choices(packages, "6.12", "amd64")
    assert [part.uri for part in parts(image, packages)] == [
        "http://mirror.example/debian/pool/d.deb",
        "http://mirror.example/debian/pool/e.deb",
    ]
    assert parts(whole, packages) == [whole]
