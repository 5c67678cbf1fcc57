# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The frames that a tap has for its reader, who takes all of them before the next step.

They are in a ring (``spec/redirect/pointer_ring.py``), of which only the room matters here.
"""

from __future__ import annotations

from spec.frame import Frame
from spec.redirect.pointer_ring import BATCH

SIZE = 1000
"""Frames that wait for the reader (``drivers/net/tun.c: tun_net_initialize``)."""


class TapQueue(list["Frame | bytes"]):
    """Has ``room`` for so many frames, those that wait included.

    That is less than ``SIZE`` where the reader has taken frames whose places have not been given
    back yet.
    """

    __slots__ = ("_head", "room")

    def __init__(self) -> None:
        self._head, self.room = 0, SIZE

    def clear(self) -> None:
        """The reader takes all that there is."""
        self._head = (self._head + len(self)) % SIZE
        self.room = SIZE - self._head % BATCH
        super().clear()
