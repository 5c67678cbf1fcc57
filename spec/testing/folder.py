# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where the pages are: in a folder that was named, in the installed package, in the project."""

from __future__ import annotations

import re
from pathlib import Path

from spec.errors import InputError
from spec.testing.blocks import Page
from spec.testing.page import read_page

SUFFIXES = (".rst", ".md")
INSTALLED = Path(__file__).parent / "pages"
"""Where a wheel has the project's pages."""

_LAB = re.compile(r"^[ \t]*(\.\. lab::|`{3,}\{lab\})", re.MULTILINE)


def has_lab(path: Path) -> bool:
    """Whether the file at *path* is a page to run."""
    return bool(_LAB.search(path.read_text(encoding="utf-8", errors="replace")))


def own_pages() -> Path:
    """The folder of the pages that belong to this version."""
    if INSTALLED.exists():
        return INSTALLED / "docs"
    return Path(__file__).parents[2] / "docs"


def read_pages(folder: Path) -> list[Page]:
    """Every page in *folder* and below, in the order of their names.

    Hidden folders, and those that Sphinx keeps its own things in, are left out. Raises
    ``InputError`` for a page that can't be run, and if there is none.
    """
    folder = folder.absolute()
    pages = [_read(path, _root(folder)) for path in _files(folder)]
    if not pages:
        raise InputError(str(folder), "no page with a lab", "give a folder of .rst or .md pages")
    return pages


def _root(folder: Path) -> Path:
    """What page names begin below, so that ``docs/page.rst`` is called so wherever it lies."""
    if folder.is_relative_to(INSTALLED):
        return INSTALLED
    marked = (f for f in (folder, *folder.parents) if (f / "pyproject.toml").exists())
    return next(marked, folder.parent)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(
            path
            for path in folder.rglob("*")
            if path.suffix in SUFFIXES and _is_ours(path.relative_to(folder)) and has_lab(path)
        )
    except OSError as error:
        problem = f"can't be read: {error.strerror}"
        raise InputError(str(error.filename), problem, "make it readable") from None


def _is_ours(path: Path) -> bool:
    return not any(part.startswith((".", "_")) or part == "build" for part in path.parts)


def _read(path: Path, root: Path) -> Page:
    try:
        return read_page(path, root)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}", "not UTF-8", "convert the page to UTF-8") from None
