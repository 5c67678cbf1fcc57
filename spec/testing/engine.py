# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a run needs to know about an engine; ``conftest.py`` says which ones there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from spec.lab import Lab


class Engine(NamedTuple):
    """Something that runs pages: ``model`` or ``kernel``."""

    name: str
    open: Callable[[], Lab]
    missing: Callable[[], str | None]
    """One line: what the engine lacks on this machine and the remedy; ``None`` if it can run."""

    kernel: str = ""
    """Full release of the kernel it runs on, as ``6.18.44``; empty for a model."""
