# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from spec.errors import InputError


def check_writable(path: Path) -> None:
    """Raise ``InputError`` if a file at *path* could not be replaced; nothing is left there."""
    target = path.resolve()
    try:
        if target.is_dir():
            raise InputError(str(path), "is a folder", "name a file")
        if target.exists() and not os.access(target, os.W_OK):
            raise InputError(str(path), "can't be written", "name another file")
        if _is_regular(target):
            with tempfile.TemporaryFile(dir=target.parent):
                pass
    except OSError as error:
        raise _trouble(path, error) from None


def replace_files(texts: Mapping[Path, str]) -> None:
    """Give each path its text: all of them, or none if one can't be written (``InputError``)."""
    made: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            made[path] = _beside(path, text)
        for path, temporary in made.items():
            if temporary != path:
                temporary.replace(path.resolve())
    except OSError as error:
        raise _trouble(path, error) from None
    finally:
        for path, temporary in made.items():
            if temporary != path:
                temporary.unlink(missing_ok=True)


def _beside(path: Path, text: str) -> Path:
    """A new file with *text* in the folder of *path*; a device or pipe is written at once."""
    target = path.resolve()
    if not _is_regular(target):
        target.write_text(text, encoding="utf-8")
        return path
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(_mode(target))
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise
    return Path(name)


def _is_regular(target: Path) -> bool:
    return target.is_file() or not target.exists()


def _mode(target: Path) -> int:
    """The permissions of what is replaced, or those of any new file."""
    with suppress(FileNotFoundError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _trouble(path: Path, error: OSError) -> InputError:
    problem = f"can't be written: {error.strerror}"
    return InputError(str(path), problem, "name a file in a folder with room that you may write")
