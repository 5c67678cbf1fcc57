# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Loading an object file that is nowhere but in memory."""

from __future__ import annotations

import os

from spec.lab import Lab, LoadedObject


def loaded(lab: Lab, content: bytes) -> LoadedObject:
    """An object file of *content*, loaded by *lab*."""
    fd = os.memfd_create("program", os.MFD_CLOEXEC)
    try:
        os.write(fd, content)
        return lab.load(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
