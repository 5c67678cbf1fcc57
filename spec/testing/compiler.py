# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Builds the C of pages and tests: BPF object files and user-space shared objects.

What was built once is kept in ``$XDG_CACHE_HOME/xdpspec`` under a hash of everything that went
into it: source, compiler, options, headers.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from spec.testing.toolchain import (
    Compiler,
    bpf_compiler,
    c_library_header_flags,
    header_identity,
    kernel_header_flags,
    libbpf_header_flags,
    user_compiler,
)

STRICT = ("-Wall", "-Wextra", "-Werror", "-Wno-unused", "-Wno-unused-parameter")
"""What a page's code must satisfy: every warning but those about things not used yet."""

_DIAGNOSTIC = re.compile(r"^([^:\n]+):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$")


class CompileError(Exception):
    """The compiler refused a source; ``file`` and ``line`` are those of its first complaint."""

    def __init__(self, file: str, line: int, message: str, output: str = "") -> None:
        super().__init__(file, line, message, output)
        self.file, self.line, self.message, self.output = file, line, message, output

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def compile_bpf(
    source: str,
    name: str = "object",
    *,
    root: Path | None = None,
    strict: bool = False,
    own_headers: bool = False,
) -> Path:
    """An ELF object file ``<name>.bpf.o`` for the BPF target, with BTF and line information.

    Give *root* when *source* names its own files by ``#line``: their paths are taken relative to
    it, and the verifier's log then quotes them. *strict* makes warnings errors. *own_headers*
    ignores libbpf's installed headers.
    """
    compiler = bpf_compiler()
    options = (
        *(STRICT if strict else ("-w",)),
        "-fdebug-compilation-dir=.",
        *c_library_header_flags(),
        *libbpf_header_flags(own_headers),
        *kernel_header_flags(compiler),
        "-c",
    )
    return _build(
        compiler, options, source, f"{name}.bpf", ".o", root, header_identity(own_headers)
    )


def compile_user(
    source: str,
    name: str = "program",
    *,
    root: Path | None = None,
    strict: bool = False,
    extra: tuple[Path, ...] = (),
    inputs: tuple[Path, ...] = (),
) -> Path:
    """A shared object ``<name>.so`` for this machine, from *source* and the *extra* C files.

    *inputs* are files that those include.
    """
    compiler = user_compiler()
    options = (
        *(STRICT if strict else ("-w",)),
        "-ffile-prefix-map=/=/" if root is None else f"-ffile-prefix-map={root}=.",
        *libbpf_header_flags(),
        *kernel_header_flags(compiler),
        *(str(file) for file in extra),
    )
    read = header_identity() + b"".join(file.read_bytes() for file in (*extra, *inputs))
    return _build(compiler, options, source, name, ".so", root, read)


def _build(
    compiler: Compiler,
    options: tuple[str, ...],
    source: str,
    name: str,
    suffix: str,
    root: Path | None,
    inputs: bytes,
) -> Path:
    title = f"{name}.c"
    text = source if root else f'#line 1 "{title}"\n{source}'
    parts = [compiler.identity, *compiler.command, *options, name, text]
    digest = hashlib.sha256("\0".join(parts).encode() + inputs).hexdigest()[:32]
    built = cache_folder() / digest / f"{name}{suffix}"
    if built.exists():
        return built
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="build-") as scratch:
        if root is None:  # LLVM copies source lines into BTF from the file that `#line` names
            Path(scratch, title).write_text(source)
        output = Path(scratch, f"{name}{suffix}")
        command = [*compiler.command, *options, "-x", "c", "-", "-o", str(output)]
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            cwd=root or scratch,
            env=os.environ | _zig_folders() | {"LC_ALL": "C"},
        )
        if done.returncode:
            raise _complaint(done.stderr, title)
        output.replace(built)
    return built


def _complaint(output: str, title: str) -> CompileError:
    for line in output.splitlines():
        if found := _DIAGNOSTIC.match(line):
            return CompileError(found[1], int(found[2]), found[3], output)
    last = output.strip().splitlines()[-1:] or ["the compiler failed without a message"]
    return CompileError(title, 1, last[0], output)


def _zig_folders() -> dict[str, str]:
    """Zig keeps caches of its own; they must not need a writable home either."""
    folder = str(cache_folder() / "zig")
    return {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}


def cache_folder() -> Path:
    """Where built files are kept: the user's cache, or a folder for this process if it has none."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return _writable(Path(home, "xdpspec"))


@cache
def _writable(folder: Path) -> Path:
    """*folder*, or a temporary one in its place."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="xdpspec-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder
