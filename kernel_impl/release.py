# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which kernel this is."""

from __future__ import annotations

import os


def release() -> str:
    """The running kernel's release as ``6.18``."""
    return ".".join(os.uname().release.split("-")[0].split(".")[:2])
