# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How far a command has come, for whoever looks."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

LISTENER = "XDPSPEC_PROGRESS"
"""Names a file or pipe for a line such as ``12/168`` at each step."""


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[object], None]]:
    """What to call after each of *length* steps: a bar grows, or who asked for it gets a line."""
    if listener := os.environ.get(LISTENER):
        numbers = itertools.count(1)
        with Path(listener).open("w", encoding="utf-8") as lines:
            yield lambda _: print(f"{next(numbers)}/{length}", file=lines, flush=True)
    elif sys.stderr.isatty():
        with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
            yield lambda _: bar.update(1)
    else:
        yield lambda _: None
