# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which compilers and headers this machine offers, and the command lines that use them."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from pathlib import Path

from spec.errors import InputError

RECORDED = "XDPSPEC_TOOLCHAIN"
"""Names a file of ``record()`` where everything was compiled elsewhere and no compiler is."""

OWN_HEADERS = Path(__file__).parent / "include"
C_LIBRARY_HEADERS = OWN_HEADERS / "libc"

SYSTEM_INCLUDE = Path("/usr/include")

REMEDY = "run `pip install 'xdpspec[compiler]'`, or install clang"


@dataclass(frozen=True)
class Compiler:
    """A command that turns C from standard input into a file, and what identifies its version."""

    command: tuple[str, ...]
    identity: str
    absent: bool = False
    """Whether it is only the record of one on another machine."""


def record() -> str:
    """What ``$XDPSPEC_TOOLCHAIN`` is to name on a machine that gets this one's compiled files."""
    found = {"bpf": bpf_compiler(), "user": user_compiler()}
    return json.dumps({kind: [it.command, it.identity] for kind, it in found.items()})


def _recorded(kind: str) -> Compiler | None:
    path = os.environ.get(RECORDED)
    if not path:
        return None
    command, identity = json.loads(Path(path).read_text(encoding="utf-8"))[kind]
    return Compiler(tuple(command), identity, absent=True)


@cache
def bpf_compiler() -> Compiler:
    """``clang`` (or ``$CLANG``) if it has the BPF target, else the ``ziglang`` package."""
    if recorded := _recorded("bpf"):
        return recorded
    flags = ("-mcpu=v3", "-O2", "-g", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables")
    named = os.environ.get("CLANG")
    clang = shutil.which(named or "clang")
    if clang and _targets_bpf(clang):
        return _installed(clang, "-target", "bpfel", "-ffreestanding", *flags)
    if named:
        problem = "does not compile for the BPF target" if clang else "is not a command"
        raise InputError("CLANG", f"{named!r} {problem}", "unset it, or name a full clang")
    if _zig_folder():
        return _zig("-target", "bpfel-freestanding-none", *flags)
    raise InputError(
        "BPF compiler",
        "neither clang with the BPF target nor the Python package ziglang is installed",
        REMEDY,
    )


@cache
def user_compiler() -> Compiler:
    """``$CC``, ``cc``, ``gcc`` or ``clang`` if it can build programs here, else ``ziglang``."""
    if recorded := _recorded("user"):
        return recorded
    flags = ("-O1", "-g", "-fPIC", "-shared")
    named = os.environ.get("CC")
    for name in (named,) if named else ("cc", "gcc", "clang"):
        found = shutil.which(name.split()[0])
        if found and _has_c_library(found):
            return _installed(found, *name.split()[1:], *flags)
    if named:
        raise InputError("CC", f"{named!r} does not build C programs here", "unset it")
    if _zig_folder():
        return _zig(*flags, "-fno-sanitize=all")
    raise InputError(
        "C compiler",
        "neither cc, gcc, clang nor the Python package ziglang is installed",
        REMEDY,
    )


def kernel_header_flags(compiler: Compiler) -> tuple[str, ...]:
    """Options that find ``linux/*.h``: zig's copy where there is one, since it is recent."""
    zig = _zig_folder()
    if zig:
        headers = zig / "lib/libc/include"
        machine = {"x86_64": "x86", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
        folders = [headers / f"{machine}-linux-any", headers / "any-linux-any"]
        return tuple(f"-isystem{folder}" for folder in folders)
    if "-target" in compiler.command:  # clang for BPF does not search the host's own folder
        return (f"-idirafter{SYSTEM_INCLUDE / f'{platform.machine()}-linux-gnu'}",)
    return ()


def has_libbpf_headers() -> bool:
    """Whether libbpf's own ``bpf/*.h`` are installed."""
    return (SYSTEM_INCLUDE / "bpf/bpf_helpers.h").exists()


def libbpf_header_flags(own: bool = False) -> tuple[str, ...]:
    """Options that find ``bpf/*.h``: libbpf's where installed, unless *own* asks for ours."""
    if not own and has_libbpf_headers():
        return (f"-idirafter{SYSTEM_INCLUDE}",)
    return (f"-isystem{OWN_HEADERS}",)


def c_library_header_flags() -> tuple[str, ...]:
    """Options that find what ``linux/*.h`` and BPF programs want of libc.

    They come before the machine's own C library, which is not made for the BPF target.
    """
    return (f"-isystem{C_LIBRARY_HEADERS}",)


def header_identity(own: bool = False) -> bytes:
    """The text of the headers in use: an object is as old as they are."""
    installed = not own and has_libbpf_headers()
    folder = SYSTEM_INCLUDE if installed else OWN_HEADERS
    files = [*sorted(folder.glob("bpf/*.h")), *sorted(C_LIBRARY_HEADERS.rglob("*.h"))]
    return b"\0".join(file.read_bytes() for file in files)


def _installed(command: str, *flags: str) -> Compiler:
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    return Compiler((command, *flags), f"{command} {version.stdout.partition(chr(10))[0]}")


def _zig(*flags: str) -> Compiler:
    command = (sys.executable, "-m", "ziglang", "cc", *flags)
    return Compiler(command, f"ziglang {metadata.version('ziglang')}")


@cache
def _zig_folder() -> Path | None:
    found = util.find_spec("ziglang")
    return Path(found.origin).parent if found and found.origin else None


def _targets_bpf(clang: str) -> bool:
    return _compiles(clang, "-target", "bpfel", source="int answer;")


def _has_c_library(compiler: str) -> bool:
    return _compiles(compiler, source="#include <stdio.h>\n#include <linux/types.h>\n")


def _compiles(*command: str, source: str) -> bool:
    full = [*command, "-x", "c", "-c", "-", "-o", os.devnull]
    return subprocess.run(full, input=source, capture_output=True, text=True).returncode == 0
