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
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

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

QUIET = ("-w",)

_RUNNING: set[subprocess.Popen[str]] = set()
_ENDING = threading.Event()

_DIAGNOSTIC = re.compile(r"^([^:\n]+):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$")


class Limits(NamedTuple):
    """What a compiler may use up on a source that nobody has looked at."""

    seconds: float
    bytes: int
    """Of address space."""


class CompileError(Exception):
    """The compiler refused a source; ``file`` and ``line`` are those of its first complaint."""

    def __init__(self, file: str, line: int, message: str, output: str = "") -> None:
        super().__init__(file, line, message, output)
        self.file, self.line, self.message, self.output = file, line, message, output

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class OutOfLimitsError(CompileError):
    """The compiler did not end in time."""


def compile_bpf(
    source: str,
    name: str = "object",
    *,
    root: Path | None = None,
    strict: bool = False,
    own_headers: bool = False,
    options: tuple[str, ...] = QUIET,
    inputs: tuple[Path, ...] = (),
    limits: Limits | None = None,
) -> Path:
    """An ELF object file ``<name>.bpf.o`` for the BPF target, with BTF and line information.

    Give *root* when *source* names its own files by ``#line``: their paths are taken relative to
    it, and the verifier's log then quotes them. *strict* makes warnings errors. *own_headers*
    ignores libbpf's installed headers. *options* are the compiler's, *inputs* files that the source
    includes from elsewhere. Raises OutOfLimitsError for a source that takes more than *limits*.
    """
    compiler = bpf_compiler()
    command_options = (
        *(STRICT if strict else options),
        "-fdebug-compilation-dir=.",
        *c_library_header_flags(),
        *libbpf_header_flags(own_headers),
        *kernel_header_flags(compiler),
        "-c",
    )
    read = header_identity(own_headers) + _contents(inputs)
    return _build(compiler, command_options, source, f"{name}.bpf", ".o", root, read, limits)


def compile_user(
    source: str,
    name: str = "program",
    *,
    root: Path | None = None,
    strict: bool = False,
    extra: tuple[Path, ...] = (),
    inputs: tuple[Path, ...] = (),
    options: tuple[str, ...] = QUIET,
    limits: Limits | None = None,
) -> Path:
    """A shared object ``<name>.so`` for this machine, from *source* and the *extra* C files.

    *inputs* are files that those include; *options* and *limits* as for ``compile_bpf``.
    """
    compiler = user_compiler()
    command_options = (
        *(STRICT if strict else options),
        "-ffile-prefix-map=/=/" if root is None else f"-ffile-prefix-map={root}=.",
        *libbpf_header_flags(),
        *kernel_header_flags(compiler),
        *(str(file) for file in extra),
    )
    read = header_identity() + _contents((*extra, *inputs))
    return _build(compiler, command_options, source, name, ".so", root, read, limits)


def _contents(files: tuple[Path, ...]) -> bytes:
    return b"".join(file.read_bytes() for file in files)


def _build(
    compiler: Compiler,
    options: tuple[str, ...],
    source: str,
    name: str,
    suffix: str,
    root: Path | None,
    inputs: bytes,
    limits: Limits | None,
) -> Path:
    title = f"{name}.c"
    text = source if root else f'#line 1 "{title}"\n{source}'
    parts = [compiler.identity, *compiler.command, *options, name, text]
    digest = hashlib.sha256("\0".join(parts).encode() + inputs).hexdigest()[:32]
    built = cache_folder() / digest / f"{name}{suffix}"
    _handed_out.add(built)
    if built.exists():
        return built
    if compiler.absent:
        raise CompileError(title, 1, "not compiled before it came here, where no compiler is")
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="build-") as scratch:
        if root is None:  # LLVM copies source lines into BTF from the file that `#line` names
            Path(scratch, title).write_text(source)
        output = Path(scratch, f"{name}{suffix}")
        command = [*compiler.command, *options, "-x", "c", "-", "-o", str(output)]
        try:
            status, said = _run(command, text, root or Path(scratch), limits)
        except subprocess.TimeoutExpired as late:
            problem = f"the compiler did not end within {late.timeout:g} s"
            raise OutOfLimitsError(title, 1, problem) from None
        if status:
            raise _complaint(said, title)
        output.replace(built)
    return built


def _run(command: list[str], text: str, folder: Path, limits: Limits | None) -> tuple[int, str]:
    """The exit status of *command* in *folder* and what it said; its children end with it."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        cwd=folder,
        env=os.environ | _zig_folders() | {"LC_ALL": "C"},
        process_group=0,
    ) as process:
        _RUNNING.add(process)
        if _ENDING.is_set():
            _end(process)
        try:
            if limits:
                with suppress(ProcessLookupError):
                    most = limits.bytes, limits.bytes
                    resource.prlimit(process.pid, resource.RLIMIT_AS, most)
            _, said = process.communicate(text, limits.seconds if limits else None)
        except BaseException:
            _end(process)
            raise
        finally:
            _RUNNING.discard(process)
    return process.returncode, said


def end_compilers() -> None:
    """End the compilers that other threads of this process wait for, and each that they begin."""
    _ENDING.set()
    for process in tuple(_RUNNING):
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def handed_out() -> frozenset[Path]:
    """Every file that this process has had compiled or found compiled."""
    return frozenset(_handed_out)


_handed_out: set[Path] = set()


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
