# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How commands end: their exit statuses, and what a signal does to them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

USAGE, MISSING, INTERRUPTED, TERMINATED = 2, 3, 130, 143
"""Exit statuses of a command that has nothing to report; its own are 0, 1 and 4."""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM ends what runs as Ctrl-C does, so that nothing is left behind."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def complain(command: str, problem: str, status: int) -> NoReturn:
    """End ``xdpspec`` *command* with one line that says why."""
    click.echo(f"xdpspec {command}: {problem}", err=True)
    sys.stderr.flush()
    sys.exit(status)
