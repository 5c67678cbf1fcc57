# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A file descriptor with an owner."""

from __future__ import annotations

import os


class Descriptor:
    """Closes its descriptor once, at the latest when nobody refers to it any more."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)

    __del__ = close
