# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which version of this project it is."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path


def version() -> str:
    """The installed version, as ``0.1.0``."""
    try:
        return metadata.version("xdpspec")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def commit() -> str:
    """The commit of the working tree that this runs from; empty for an installed package."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
