# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Kernels to boot: those of a release, fetched once and kept, and those given by path."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kernel_impl.guests.archive import Apt, Package, choices, likely_suites, parts
from kernel_impl.guests.machine import hardware
from kernel_impl.guests.modules import WANTED, module_files, needed_modules
from spec.errors import InputError
from spec.testing.compiler import cache_folder

RELEASES = ("5.10", "6.1", "6.12", "7.2")
"""Those that guests run when none is named."""
SCRATCH, ABANDONED_S = "fetch-", 3600
"""What a folder is called while a kernel is fetched into it, and when nobody does any more."""
_RELEASE = re.compile(r"\d+\.\d+")
_VERSION = re.compile(rb"(\d+\.\d+\S*) \([^)]*@")
_IMAGE = re.compile(r"(?:boot/vmlinuz-\S+|usr/lib/modules/[^/]+/vmlinuz)")
_CONFIG = re.compile(r"(?:boot/config-\S+|usr/lib/modules/[^/]+/config)")
_MODULE = re.compile(r"(?:usr/)?lib/modules/[^/]+/.*/[^/]+\.ko(?:\.\w+)?")
NEEDED_OPTIONS = (
    "BPF_SYSCALL", "BPF_EVENTS", "BRIDGE", "DEBUG_INFO_BTF", "IFB", "MACVLAN", "PERF_EVENTS",
    "TUN", "VETH", "VIRTIO_BLK", "XDP_SOCKETS",
)  # fmt: skip
"""Without these a kernel could not run the pages."""

Told = Callable[[str], None]


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted."""

    title: str
    """How it was asked for."""

    version: str
    """What ``uname -r`` says in it, as far as that is known."""

    image: Path
    modules: Path | None
    """The folder that its modules are in, at any depth."""


def find_kernel(
    wanted: str,
    told: Told = lambda _: None,
    newest: bool = False,
    stop: threading.Event | None = None,
) -> Kernel:
    """The kernel at the path *wanted*, or of the release *wanted* such as ``6.12``.

    One of a release comes from the distribution's archive, and is kept; *newest* asks the archive
    again. *told* hears what takes time. ``InputError`` for one that can't be had, and when *stop*
    was set.
    """
    if is_release(wanted):
        return _of_release(wanted, told, newest, stop)
    return _at_path(Path(wanted))


def is_release(wanted: str) -> bool:
    """Whether *wanted* names a release, as ``6.12``, and no file."""
    return bool(_RELEASE.fullmatch(wanted))


def _at_path(image: Path) -> Kernel:
    if not image.is_file():
        problem = "is neither a release such as 6.12 nor a kernel's file"
        raise InputError(str(image), problem, "give one that exists")
    try:
        found = _VERSION.search(image.read_bytes())
    except OSError as error:
        raise InputError(
            str(image), f"can't be read: {error.strerror}", "run as root (sudo)"
        ) from None
    named = image.resolve().name.removeprefix("vmlinuz-")
    version = found[1].decode() if found else named
    image = image.absolute()
    places = (
        image.parent if image.parent.name == version else image.parent / version,
        image.parent / "modules",
        image.parent.parent / "lib/modules" / version,
        image.parent.parent / "usr/lib/modules" / version,
        Path("/lib/modules", version),
    )
    modules = next((place for place in places if place.is_dir()), None)
    return Kernel(str(image), version, image, modules)


def kept_folder() -> Path:
    """Where fetched kernels are kept."""
    return cache_folder() / "kernels"


def _of_release(release: str, told: Told, newest: bool, stop: threading.Event | None) -> Kernel:
    folder = kept_folder() / release
    if not newest and (kept := _kept(release, folder)):
        return kept
    found = hardware()
    assert found is not None  # tools.lacking() has said so
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear_away(folder.parent)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=SCRATCH) as scratch:
        apt = Apt(Path(scratch, "apt"), found.debian, stop)
        packages = _packages(apt, release, told)
        for image in choices(packages, release, found.debian)[:2]:  # the small one, then the full
            made = Path(scratch, image.name)
            made.mkdir()
            for package in parts(image, packages):
                told(f"downloading {image.version} ({package.size >> 20} MiB)")
                _unpack(apt, package, made)
            lacking = lacking_options(made / "config") if (made / "config").exists() else []
            if not lacking:
                _keep(image, made, folder)
                break
        else:
            problem = f"built without {' '.join(lacking)}"
            raise InputError(f"Linux {release}", problem, "give a kernel's file instead")
    kept = _kept(release, folder)
    assert kept is not None
    return kept


def _packages(apt: Apt, release: str, told: Told) -> list[Package]:
    """The kernel packages of the first suites that have *release*."""
    for suites in likely_suites(release):
        told("looking into the archive")
        packages = apt.packages(suites)
        if choices(packages, release, apt.debian):
            return packages
    problem, remedy = "no suite of the archive has it", "give a kernel's file, or another release"
    raise InputError(f"Linux {release}", problem, remedy)


def _clear_away(folder: Path) -> None:
    """Remove what a killed run has left half done."""
    for path in folder.glob(f"{SCRATCH}*"):
        if time.time() - path.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(path, ignore_errors=True)


def lacking_options(config: Path) -> list[str]:
    """Which of ``NEEDED_OPTIONS`` the kernel whose configuration this is does not have."""
    lines = config.read_text(encoding="utf-8").splitlines()
    there = {
        line[7:-2] for line in lines if line.startswith("CONFIG_") and line[-2:] in ("=y", "=m")
    }
    return [option for option in NEEDED_OPTIONS if option not in there]


def _kept(release: str, folder: Path) -> Kernel | None:
    try:
        said = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if said["modules"] != list(WANTED):
        return None
    return Kernel(release, said["version"], folder / "vmlinuz", folder / "modules")


def _keep(image: Package, made: Path, folder: Path) -> None:
    """Leave in *folder* what a guest needs of the unpacked packages in *made*."""
    every = module_files(made / "all")
    (made / "modules").mkdir()
    for name, data in needed_modules(every):
        (made / "modules" / f"{name}.ko").write_bytes(data)
    shutil.rmtree(made / "all")
    version = image.name.removeprefix("linux-image-")
    said = {"package": image.name, "package version": image.version, "version": version,
            "modules": list(WANTED)}  # fmt: skip
    (made / "kernel.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        made.rename(folder)
    except OSError:
        if not (folder / "kernel.json").exists():  # nor did another run put one there
            raise


def _unpack(apt: Apt, package: Package, into: Path) -> None:
    """The image, its configuration and its modules, out of a package's file."""
    path = into / "package.deb"
    apt.fetch(package, path)
    command = ["dpkg-deb", "--fsys-tarfile", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                name = os.path.normpath(member.name)
                target = _target(name, into)
                file = archive.extractfile(member) if target and member.isfile() else None
                if target and file:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(file.read())
        process.stdout.read()
    path.unlink()


def _target(name: str, into: Path) -> Path | None:
    if _IMAGE.fullmatch(name):
        return into / "vmlinuz"
    if _CONFIG.fullmatch(name):
        return into / "config"
    return into / "all" / Path(name).name if _MODULE.fullmatch(name) else None
