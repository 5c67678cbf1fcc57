# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Kernels from a made-up archive and from paths."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from kernel_impl.guests.kernels import find_kernel, kept_folder
from kernel_impl.guests.modules import dependencies, module_files, needed_modules
from spec.errors import InputError
from tests.guests import DEBIAN, Mirror, kernel_files, module, need_apt, served

IMAGE = b"\0HdrS\0" + b"6.7.8-own (someone@somewhere) #1 SMP\0"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    need_apt()
    folder = tmp_path / "mirror"
    folder.mkdir()
    return Mirror(folder)


@pytest.mark.usefixtures("cache")
def test_a_release_is_fetched_once_and_then_kept(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = f"6.12.3-cloud-{DEBIAN}"
    mirror.add("trixie", f"linux-image-{version}", "6.12.3-1", kernel_files(version))
    mirror.publish()
    told: list[str] = []
    with served(mirror, tmp_path, monkeypatch):
        kernel = find_kernel("6.12", told.append)
    assert kernel.image.read_bytes() == f"image of {version}".encode()
    assert (kernel.title, kernel.version) == ("6.12", version)
    assert kernel.modules is not None
    assert sorted(module_files(kernel.modules)) == ["bridge", "stp"]
    assert told == ["looking into the archive", "downloading 6.12.3-1 (0 MiB)"]

    shutil.rmtree(mirror.folder)  # nobody asks it again
    assert find_kernel("6.12") == kernel


@pytest.mark.usefixtures("cache")
def test_a_kernel_in_parts_is_put_together(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = f"7.2.5-cloud-{DEBIAN}"
    files = kernel_files(version)
    image = {f"usr/lib/modules/{version}/vmlinuz": files.pop(f"boot/vmlinuz-{version}")}
    modules = {f"usr/{name}": data for name, data in files.items() if name.startswith("lib/")}
    mirror.add("sid", f"linux-binary-{version}", "7.2.5-1", image)
    mirror.add("sid", f"linux-modules-{version}", "7.2.5-1", modules)
    names = f"linux-binary-{version} (= 7.2.5-1), linux-modules-{version} (= 7.2.5-1)"
    mirror.add("sid", f"linux-image-{version}", "7.2.5-1", depends=names)
    mirror.publish()
    with served(mirror, tmp_path, monkeypatch):
        kernel = find_kernel("7.2")
    assert kernel.image.read_bytes() == f"image of {version}".encode()
    assert kernel.modules is not None
    assert sorted(module_files(kernel.modules)) == ["bridge", "stp"]


@pytest.mark.usefixtures("cache")
def test_a_small_kernel_that_lacks_something_gives_way_to_the_full_one(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, full = f"6.12.3-cloud-{DEBIAN}", f"6.12.3-{DEBIAN}"
    mirror.add("trixie", f"linux-image-{small}", "6.12.3-1", kernel_files(small, lacking="IFB"))
    mirror.add("trixie", f"linux-image-{full}", "6.12.3-1", kernel_files(full))
    mirror.publish()
    with served(mirror, tmp_path, monkeypatch):
        assert find_kernel("6.12").version == full


@pytest.mark.usefixtures("cache")
def test_a_package_that_is_not_what_the_index_says_is_refused(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = f"6.12.3-cloud-{DEBIAN}"
    package = mirror.add("trixie", f"linux-image-{version}", "6.12.3-1", kernel_files(version))
    mirror.publish()
    with package.open("r+b") as file:
        file.write(b"?")
    with served(mirror, tmp_path, monkeypatch), pytest.raises(InputError, match=r"Hash Sum"):
        find_kernel("6.12")
    assert list(kept_folder().iterdir()) == []


@pytest.mark.usefixtures("cache")
def test_a_release_that_no_suite_has_is_said_to_be_nowhere(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = f"6.12.3-cloud-{DEBIAN}"
    mirror.add("trixie", f"linux-image-{version}", "6.12.3-1", kernel_files(version))
    mirror.publish()
    with served(mirror, tmp_path, monkeypatch), pytest.raises(InputError) as caught:
        find_kernel("6.11")
    assert str(caught.value).startswith("Linux 6.11: no suite of the archive has it")


@pytest.mark.usefixtures("cache")
def test_an_archive_that_does_not_answer_is_named(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(mirror, tmp_path, monkeypatch) as uri:
        pass
    with pytest.raises(InputError) as caught:
        find_kernel("6.12")
    assert uri in str(caught.value)


@pytest.mark.usefixtures("cache")
def test_what_a_killed_run_left_is_cleared_away(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = (kept_folder() / f"fetch-{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
    long_ago = time.time() - 10_000
    os.utime(old, (long_ago, long_ago))
    mirror.publish()
    with served(mirror, tmp_path, monkeypatch), pytest.raises(InputError):
        find_kernel("6.12")
    assert [path.name for path in kept_folder().iterdir()] == ["fetch-young"]


@pytest.mark.usefixtures("cache")
def test_who_is_told_to_stop_stops_fetching(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.publish()
    stop = threading.Event()
    stop.set()
    with served(mirror, tmp_path, monkeypatch), pytest.raises(InputError):
        find_kernel("6.12", stop=stop)


def test_a_kernel_by_path_brings_the_modules_beside_it(tmp_path: Path) -> None:
    image = tmp_path / "boot/vmlinuz-own"
    modules = tmp_path / "lib/modules/6.7.8-own"
    image.parent.mkdir()
    modules.mkdir(parents=True)
    image.write_bytes(IMAGE)
    kernel = find_kernel(str(image))
    assert (kernel.version, kernel.image, kernel.modules) == ("6.7.8-own", image, modules)


def test_a_kernel_by_path_may_have_no_modules(tmp_path: Path) -> None:
    image = tmp_path / "bzImage"
    image.write_bytes(IMAGE)
    assert find_kernel(str(image)).modules is None


@pytest.mark.parametrize("wanted", ["nonsense", "6.12.3", "/nowhere/vmlinuz"])
def test_what_is_neither_a_release_nor_a_file_is_refused(wanted: str) -> None:
    with pytest.raises(InputError, match=r"neither a release such as 6\.12 nor a kernel's file"):
        find_kernel(wanted)


def test_modules_are_loaded_after_those_they_need(tmp_path: Path) -> None:
    (tmp_path / "8021q.ko").write_bytes(module("garp-core,mrp"))
    (tmp_path / "mrp.ko").write_bytes(module(""))
    (tmp_path / "garp_core.ko").write_bytes(module("stp"))
    (tmp_path / "stp.ko").write_bytes(module(""))
    (tmp_path / "unwanted.ko").write_bytes(module(""))
    assert dependencies(module("garp-core,mrp")) == ["garp_core", "mrp"]
    found = needed_modules(module_files(tmp_path), ["8021q", "built-in"])
    assert [name for name, _ in found] == ["stp", "garp_core", "mrp", "8021q"]
