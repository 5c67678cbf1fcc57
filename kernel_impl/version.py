# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which version of this project it is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The installed version, as ``0.1.0``."""
    try:
        return metadata.version("xdpspec")
    except metadata.PackageNotFoundError:
        return "(not installed)"
