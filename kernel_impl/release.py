# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which kernel this is."""

from __future__ import annotations

import os
import re

_DEBIAN = re.compile(r" Debian (\d+\.\d+\.\d+)")


def release() -> str:
    """The running kernel's release as ``6.18``."""
    return ".".join(os.uname().release.split("-")[0].split(".")[:2])


def kernel() -> str:
    """The running kernel's version as ``6.18.44``.

    Debian's ``uname -r`` may say 5.10.0 of every 5.10; the version is in ``uname -v``.
    """
    names = os.uname()
    found = _DEBIAN.search(names.version)
    return found[1] if found else re.split(r"[-+]", names.release)[0]
