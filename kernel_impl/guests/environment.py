# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The files a guest needs of this machine: this Python, the project, what both are linked to.

Everything keeps its path, so that a virtual environment, an editable installation and a compiled
object's hash mean the same inside.
"""

from __future__ import annotations

import importlib.util
import py_compile
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

import kernel_impl
import spec
from kernel_impl.guests.cpio import Archive
from kernel_impl.guests.libraries import LOADER_CACHE, is_elf, libraries, loaded_library
from kernel_impl.libbpf import LIBRARY, libbpf
from spec.errors import InputError
from spec.testing.folder import own_pages, read_pages
from spec.testing.toolchain import SYSTEM_INCLUDE

PROJECT = "xdpspec"
UNUSED = frozenset({
    "__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter",
    "turtledemo", "ensurepip", "lib2to3", "pydoc_data", "unittest", "curses", "dbm", "distutils",
})  # fmt: skip
"""Folders of the standard library, and packages' own tests, that no command of ours reads."""
UNUSED_EXTENSIONS = (
    "_tkinter", "_test", "_curses", "_dbm", "_gdbm", "readline", "nis", "xxlimited", "_ctypes_test",
)  # fmt: skip
"""Those of the standard library that would bring large libraries along, or nothing."""


def add_environment(archive: Archive) -> None:
    """Put all that ``xdpspec`` needs into *archive*; what is not ours, as bytecode only."""
    others = list(dict.fromkeys((*_standard_library(), *_distributions())))
    ours = list(_project())
    libbpf()
    found = loaded_library(LIBRARY)
    linked = [path for path in others if ".so" in path.suffixes and is_elf(path)]
    real = Path(sys.executable).resolve()
    needed = libraries(real, (*linked, *((found,) if found else ())))
    for path in (Path(sys.executable), *_configuration(), *sorted(needed), *_headers(), *ours):
        archive.copy(path)
    for path in filter(None, (found, LOADER_CACHE)):
        archive.copy(path)
    for path in others:
        if path.suffix != ".py":
            archive.copy(path)
        elif code := _bytecode(path):
            archive.file(path.with_suffix(".pyc").resolve(), code)
    for path in ours:
        if path.suffix == ".py" and (code := _bytecode(path)):
            archive.file(importlib.util.cache_from_source(str(path)), code)


def _configuration() -> Iterator[Path]:
    """What tells Python that it is in a virtual environment."""
    marker = Path(sys.prefix, "pyvenv.cfg")
    if marker.exists():
        yield marker


def _standard_library() -> Iterator[Path]:
    for kind in ("stdlib", "platstdlib"):
        yield from _files(Path(sysconfig.get_path(kind)))
    yield from _files(Path(sysconfig.get_path("stdlib"), "unittest"))


def _distributions() -> Iterator[Path]:
    """The project's dependencies and theirs, as installed; and what little we ask of ziglang."""
    waiting, known = [Requirement(PROJECT)], set[str]()
    while waiting:
        requirement = waiting.pop()
        title = str(requirement)
        if title in known:
            continue
        known.add(title)
        distribution = _distribution(requirement.name)
        yield from _files_of(distribution)
        for text in distribution.requires or ():
            wanted = Requirement(text)
            extras = requirement.extras or {""}
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(wanted)
    zig = importlib.util.find_spec("ziglang")
    if zig and zig.origin:
        yield Path(zig.origin)
        yield Path(str(metadata.distribution("ziglang").locate_file("")),
                   f"ziglang-{metadata.version('ziglang')}.dist-info", "METADATA")  # fmt: skip


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        problem = "is not installed for this Python"
        raise InputError(name, problem, "run `pip install -e .` in the project") from None


def _files_of(distribution: metadata.Distribution) -> Iterator[Path]:
    """Its modules and data; not its commands, which lie outside of ``site-packages``."""
    for file in distribution.files or ():
        if ".." not in file.parts and not UNUSED.intersection(file.parts):
            yield Path(str(distribution.locate_file(file)))


def _project() -> Iterator[Path]:
    for package in (spec, kernel_impl):
        yield from _files(Path(str(package.__file__)).parent)
    pages = read_pages(own_pages())
    yield from (page.path for page in pages)
    marker = pages[0].root / "pyproject.toml"
    if marker.exists():
        yield marker


def _headers() -> Iterator[Path]:
    """Those whose text is part of a compiled object's hash."""
    return SYSTEM_INCLUDE.glob("bpf/*.h")


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name not in UNUSED and not path.name.startswith("config-"):
                yield from _files(path)
        elif path.suffix != ".a" and not path.name.startswith(UNUSED_EXTENSIONS):
            yield path


def _bytecode(source: Path) -> bytes | None:
    """*source* compiled, by Python or by us; ``None`` for what is no code for this Python."""
    cached = Path(importlib.util.cache_from_source(str(source)))
    if _is_current(cached, source):
        return cached.read_bytes()
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch, "module.pyc")
        try:
            py_compile.compile(str(source), str(made), doraise=True, quiet=1)
        except (py_compile.PyCompileError, OSError):
            return None
        return made.read_bytes()


def _is_current(cached: Path, source: Path) -> bool:
    """Whether Python would take the bytecode at *cached* for that of *source*."""
    try:
        header = cached.read_bytes()[:16]
        status = source.stat()
    except OSError:
        return False
    written = int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF
    expected = (
        importlib.util.MAGIC_NUMBER + bytes(4) + b"".join(n.to_bytes(4, "little") for n in written)
    )
    return header == expected
