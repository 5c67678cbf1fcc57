# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes cpio archives of the format that Linux unpacks as its first root file system.

See ``Documentation/driver-api/early-userspace/buffer-format.rst``: "newc", numbers in hexadecimal.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import BinaryIO

TRAILER = "TRAILER!!!"


class Archive:
    """An archive under construction. Folders above an entry come by themselves."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._known = {PurePosixPath("/")}
        self._inode = 0

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is None:
            self._entry(TRAILER, 0, 0, b"", links=1)

    def __contains__(self, path: str | Path) -> bool:
        return PurePosixPath(path) in self._known

    def file(self, path: str | Path, data: bytes, mode: int = 0o644, mtime: int = 0) -> None:
        """A file with *data*; seconds since the epoch for *mtime*."""
        if self._is_new(path):
            self._entry(str(path), stat.S_IFREG | mode, mtime, data)

    def link(self, path: str | Path, target: str) -> None:
        """A symbolic link."""
        if self._is_new(path):
            self._entry(str(path), stat.S_IFLNK | 0o777, 0, target.encode())

    def folder(self, path: str | Path) -> None:
        """An empty folder."""
        if self._is_new(path):
            self._entry(str(path), stat.S_IFDIR | 0o755, 0, b"")

    def device(self, path: str | Path, major: int, minor: int) -> None:
        """A character device."""
        if self._is_new(path):
            self._entry(str(path), stat.S_IFCHR | 0o600, 0, b"", device=(major, minor))

    def copy(self, source: Path) -> None:
        """The file at *source* under its own path, with every symbolic link on the way to it."""
        for part in (*reversed(source.parents), source):
            if part.is_symlink():
                target = os.readlink(part)  # noqa: PTH115 - as it is written
                self.link(part, target)
                rest = source.relative_to(part)
                self.copy(Path(os.path.normpath(part.parent / target / rest)))
                return
        if source not in self and source.is_file():
            status = source.stat()
            mode = 0o755 if status.st_mode & 0o111 else 0o644
            self.file(source, source.read_bytes(), mode, int(status.st_mtime))

    def _is_new(self, path: str | Path) -> bool:
        """Whether *path* is not there yet; from now on it is, and so is everything above it."""
        pure = PurePosixPath(path)
        if pure in self._known:
            return False
        for parent in reversed(pure.parents):
            if parent not in self._known:
                self._known.add(parent)
                self._entry(str(parent), stat.S_IFDIR | 0o755, 0, b"")
        self._known.add(pure)
        return True

    def _entry(
        self,
        path: str,
        mode: int,
        mtime: int,
        data: bytes,
        device: tuple[int, int] = (0, 0),
        links: int = 1,
    ) -> None:
        self._inode += 1
        name = path.lstrip("/").encode() + b"\0"
        numbers = (
            self._inode, mode, 0, 0, links, mtime, len(data), 0, 0, *device, len(name), 0,
        )  # fmt: skip
        header = b"070701" + b"".join(b"%08X" % number for number in numbers)
        self._file.writelines(_padded(header + name))
        self._file.writelines(_padded(data))


def _padded(data: bytes) -> Iterator[bytes]:
    """*data*, and what makes its length a multiple of four."""
    yield data
    yield bytes(-len(data) % 4)
