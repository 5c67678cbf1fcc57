# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames that say what the programs they meet do (``programs.bpf.c``)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import TypeAlias

SOURCE = Path(__file__).with_name("programs.bpf.c")
ETHERNET = bytes.fromhex("020000000002 020000000001 88b5")
CALL = struct.Struct("=QQBB")
HEADER = struct.Struct("=BBBBBBHH")
ANSWER, GOES_ON = 255, 254
"""In place of a verdict: what the helper answered; nothing yet, there is another call."""


class Kind(IntEnum):
    """What a call does."""

    NOTHING = 0
    REDIRECT = 1
    SLOT = 2
    KEY = 3
    CPU = 4
    XSK = 5
    MARK = 6
    META = 7
    HEAD = 8
    TAIL = 9
    EVERY = 10


Call: TypeAlias = tuple[int, int, int, int]
"""Kind, target, flags and verdict."""


def frame(calls: Sequence[Call], length: int) -> bytes:
    """A frame of just *length* bytes that asks for *calls*; too short a one asks for less."""
    written = ETHERNET + HEADER.pack(len(calls), 0, 0, 0, 0, 0, 0, 0)
    for kind, target, flags, verdict in calls:
        written += CALL.pack(target & (1 << 64) - 1, flags, kind, verdict)
    return written[:length].ljust(length, b"\0")


def shown(calls: Sequence[Call], length: int) -> str:
    """The frame in Python."""
    raw = frame(calls, length)
    end = raw.rstrip(b"\0")
    if len(raw) - len(end) < 8:
        return f'bytes.fromhex("{raw.hex()}")'
    return f'bytes.fromhex("{end.hex()}").ljust({length}, b"\\0")'
