# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A made-up package archive, and a QEMU that only pretends, for tests of guests."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kernel_impl.guests.archive import HELPER
from kernel_impl.guests.kernels import NEEDED_OPTIONS
from kernel_impl.guests.machine import hardware
from spec.testing.compiler import compile_bpf

MODULE = '__attribute__((section(".modinfo"), used)) static const char said[] = "depends={}";'
"""A kernel module's only part that matters here."""
FOUND = hardware()
QEMU = FOUND.qemu if FOUND else "qemu"
DEBIAN = FOUND.debian if FOUND else "amd64"

PRETENDER = f"""#!{sys.executable}
import io, json, os, re, sys, tarfile, time

drive = next(word for word in sys.argv if word.startswith("if=none,id=results"))
disk = drive.partition("file=")[2]
print("Linux version of a pretender", flush=True)
behaviour = os.environ["PRETENDED"]
if behaviour == "hang":
    time.sleep(1000)
if behaviour == "panic":
    print("[    1.5] Kernel panic - not syncing: Attempted to kill init!", flush=True)
    print("[    1.6] ---[ end Kernel panic ]---", flush=True)
    sys.exit()
print("xdpspec-guest: booted 6.12.99-pretended", flush=True)
print("xdpspec-guest: progress 1/2", flush=True)
if behaviour == "break off":
    sys.exit()
packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w") as archive:
    for name, text in json.loads(os.environ["BROUGHT_HOME"]).items():
        member = tarfile.TarInfo(name)
        member.size = len(text.encode())
        archive.addfile(member, io.BytesIO(text.encode()))
with open(disk, "r+b") as results:
    results.write(packed.getvalue())
print("xdpspec-guest: end", flush=True)
"""


def install_pretender(folder: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str) -> None:
    """Make ``qemu-system-…`` of *folder* the one that is found; it shows *behaviour*."""
    program = folder / QEMU
    program.write_text(PRETENDER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PRETENDED", behaviour)


class Mirror:
    """A package archive in a folder, as Debian's are laid out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stanzas: dict[str, list[str]] = {}

    def add(
        self,
        suite: str,
        name: str,
        version: str,
        files: dict[str, bytes] | None = None,
        depends: str = "",
    ) -> Path:
        """A package of *files* in *suite*; its file."""
        root = self.folder / "made" / name
        for path, data in (files or {}).items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        control = root / "DEBIAN/control"
        control.parent.mkdir(parents=True, exist_ok=True)
        said = f"Package: {name}\nVersion: {version}\nArchitecture: {DEBIAN}\n"
        said += f"Depends: {depends}\n" if depends else ""
        control.write_text(f"{said}Maintainer: nobody <nobody@example.org>\nDescription: -\n")
        pool = self.folder / "pool"
        pool.mkdir(exist_ok=True)
        package = pool / f"{name}_{version}_{DEBIAN}.deb"
        command = ["dpkg-deb", "--build", "--root-owner-group", str(root), str(package)]
        subprocess.run(command, check=True, capture_output=True)
        data = package.read_bytes()
        self._stanzas.setdefault(suite, []).append(
            f"{said}Filename: pool/{package.name}\nSize: {len(data)}\n"
            f"SHA256: {hashlib.sha256(data).hexdigest()}\nDescription: -\n"
        )
        return package

    def publish(self) -> None:
        """Write the indexes."""
        for suite, stanzas in self._stanzas.items():
            folder = self.folder / "dists" / suite
            text = "\n".join(stanzas).encode()
            sums = []
            for suffix, data in (("", text), (".gz", gzip.compress(text))):
                index = f"main/binary-{DEBIAN}/Packages{suffix}"
                (folder / index).parent.mkdir(parents=True, exist_ok=True)
                (folder / index).write_bytes(data)
                sums.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {index}\n")
            (folder / "Release").write_text(
                f"Suite: {suite}\nCodename: {suite}\nComponents: main\nArchitectures: {DEBIAN}\n"
                f"Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n{''.join(sums)}"
            )


def kernel_files(version: str, lacking: str = "") -> dict[str, bytes]:
    """What the package of a kernel holds: it has every option but the one *lacking*."""
    options = [name for name in NEEDED_OPTIONS if name != lacking]
    return {
        f"boot/vmlinuz-{version}": f"image of {version}".encode(),
        f"boot/config-{version}": "".join(f"CONFIG_{name}=y\n" for name in options).encode(),
        f"lib/modules/{version}/kernel/drivers/net/bridge.ko": module("stp"),
        f"lib/modules/{version}/kernel/net/stp.ko": module(""),
        f"lib/modules/{version}/kernel/sound/unwanted.ko": module(""),
    }


def module(depends: str) -> bytes:
    """A kernel module that needs the one called *depends*."""
    return compile_bpf(MODULE.format(depends), f"module_{depends}").read_bytes()


@contextmanager
def served(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Apt configured for *mirror* alone, which a server on the loopback device offers."""
    handler = partial(_Silent, directory=str(mirror.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        sources = tmp_path / "sources.list.d"
        sources.mkdir()
        sources.joinpath("own.sources").write_text(
            f"Types: deb\nURIs: {uri}\nSuites: bookworm\nComponents: main\nTrusted: yes\n"
        )
        settings = tmp_path / "apt.conf"
        settings.write_text(
            f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{sources}";\n'
        )
        monkeypatch.setenv("APT_CONFIG", str(settings))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield uri
        server.shutdown()


def need_apt() -> None:
    """Skip the test where there is no apt to ask."""
    for tool in ("apt-get", "dpkg-deb", HELPER):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not here: not a Debian, or one without it")


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
