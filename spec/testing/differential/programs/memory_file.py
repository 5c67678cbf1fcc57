# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Loading an object file that is nowhere but in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from spec.lab import Lab, LoadedObject


@contextmanager
def loaded(lab: Lab, content: bytes) -> Iterator[LoadedObject]:
    """An object file of *content*, loaded by *lab* and given up in the end."""
    fd = os.memfd_create("program", os.MFD_CLOEXEC)
    try:
        os.write(fd, content)
        with lab.load(f"/proc/self/fd/{fd}") as made:
            yield made
    finally:
        os.close(fd)
