# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Finds the pages of somebody else's tree, and reads them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from spec.errors import InputError

SUFFIXES = (".rst", ".md")


@dataclass(frozen=True)
class ForeignPage:
    """A page as it lies in its tree: ``title`` is what messages call it."""

    path: Path
    root: Path
    title: str
    text: str


def read_tree(place: Path) -> list[ForeignPage]:
    """Every page in the folder *place* and below, hidden folders aside; or the page *place*.

    Raises ``InputError`` for a place without pages and for one that can't be read as text.
    """
    root = place if place.is_dir() else place.parent
    pages = [_read(path, root) for path in _paths(place)]
    if not pages:
        problem = f"no page in it: no file that ends in {' or '.join(SUFFIXES)}"
        raise InputError(str(place), problem, "name a folder that has some")
    return pages


def read_trees(places: Iterable[Path]) -> list[ForeignPage]:
    """The pages of all *places*; those that would be called the same are called by their paths."""
    pages = [page for place in places for page in read_tree(place)]
    titles = Counter(page.title for page in pages)
    return [
        replace(page, root=page.path.parent, title=str(page.path))
        if titles[page.title] > 1
        else page
        for page in pages
    ]


def _paths(place: Path) -> Iterable[Path]:
    if place.is_file():
        if place.suffix not in SUFFIXES:
            remedy = f"name a folder, or a file that ends in {' or '.join(SUFFIXES)}"
            raise InputError(str(place), "not a page", remedy)
        return [place]
    if not place.is_dir():
        problem = "not a folder" if place.exists() else "no such folder"
        raise InputError(str(place), problem, "name a folder that exists")
    return sorted(_below(place))


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(here, name)
            if path.suffix in SUFFIXES and path.is_file():
                yield path


def _unreadable(error: OSError) -> None:
    problem = f"can't be read: {error.strerror}"
    raise InputError(str(error.filename), problem, "make it readable, or name another") from None


def _read(path: Path, root: Path) -> ForeignPage:
    try:
        content = path.read_bytes()
    except OSError as error:
        _unreadable(error)
        raise
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        problem = "a binary file that is called a page"
        raise InputError(f"{path}:{line}", problem, "rename it, or name other folders")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}", "not UTF-8", "convert the page to UTF-8") from None
    text = text.replace("\r\n", "\n")
    return ForeignPage(path, root, path.relative_to(root).as_posix(), text)
