# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs whose frames say what they do: which helpers they call, in turn, and what they return.

``frame(slot(0), redirect(7))`` asks the program to call ``bpf_redirect_map()`` for slot 0 on the
first frame and ``bpf_redirect()`` on the second, and to return what the helper answered.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from tests.bpf_pieces import DEVMAP, INCLUDES, map_of

ANSWER, GOES_ON = 255, 254
"""In place of a verdict: what the last helper answered; nothing yet, the frame asks for more."""

HEADER = bytes.fromhex("020000000002 020000000001 88b5")
MARKS = struct.Struct("=IIIHHB3x")

SOURCE = Path(__file__).with_suffix(".bpf.c").read_text(encoding="utf-8")
FRAGS_SOURCE = "#define FRAGS\n" + SOURCE
"""The programs that know fragments."""

PLAIN_SOURCE = (
    INCLUDES
    + map_of(DEVMAP, "plain")
    + """
SEC("xdp") int to_all_others(struct xdp_md *ctx)
{
    return bpf_redirect_map(&plain, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
}
"""
)


class Kind(IntEnum):
    """What one step of a frame's script has the program do."""

    NOTHING = 0
    REDIRECT = 1
    TX_PORT = 2
    FORWARD_MAP = 3
    CPU_MAP = 4
    XSKS = 5
    MARK = 6
    METADATA = 7
    CUT = 8


class Call(NamedTuple):
    """One thing to do, with the two arguments of a helper."""

    kind: Kind
    target: int = 0
    flags: int = 0


class Turn(NamedTuple):
    """What the program does with one frame."""

    calls: Sequence[Call]
    verdict: int


class Marks(NamedTuple):
    """What programs left in a frame."""

    ingress_ifindex: int
    egress_ifindex: int
    rx_queue_index: int
    metadata: int
    linear: int
    runs: int


def redirect(ifindex: int, flags: int = 0) -> Call:
    """``bpf_redirect()``."""
    return Call(Kind.REDIRECT, ifindex, flags)


def slot(key: int, flags: int = 0) -> Call:
    """``bpf_redirect_map()`` of the DEVMAP."""
    return Call(Kind.TX_PORT, key, flags)


def key(key: int, flags: int = 0) -> Call:
    """``bpf_redirect_map()`` of the DEVMAP_HASH."""
    return Call(Kind.FORWARD_MAP, key, flags)


def cpu(key: int, flags: int = 0) -> Call:
    """``bpf_redirect_map()`` of the CPUMAP."""
    return Call(Kind.CPU_MAP, key, flags)


def socket(key: int, flags: int = 0) -> Call:
    """``bpf_redirect_map()`` of the XSKMAP."""
    return Call(Kind.XSKS, key, flags)


MARK = Call(Kind.MARK)
"""Counts one more run in the frame itself, and notes what the program was told."""


def metadata(size: int) -> Call:
    """``bpf_xdp_adjust_meta()`` for *size* bytes before the packet."""
    return Call(Kind.METADATA, size)


def cut(size: int) -> Call:
    """``bpf_xdp_adjust_head()``: the first *size* bytes go; it must be the last call."""
    return Call(Kind.CUT, size)


def asks(*calls: Call, verdict: int = ANSWER) -> Turn:
    """The program makes *calls*, then returns *verdict* or what the last of them answered."""
    return Turn(calls or (Call(Kind.NOTHING),), verdict)


def frame(*turns: Turn | Call, length: int = 60) -> bytes:
    """A frame of at least *length* bytes; the program takes the next of *turns* at each run."""
    steps = b""
    for turn in turns:
        calls, verdict = turn if isinstance(turn, Turn) else asks(turn)
        for number, call in enumerate(calls, 1):
            end = verdict if number == len(calls) else GOES_ON
            steps += struct.pack("=QQBB", call.target, call.flags, call.kind, end)
    count = len(steps) // struct.calcsize("=QQBB")
    return (HEADER + bytes(MARKS.size) + bytes([count]) + steps).ljust(length, b"\0")


def marks(frame: bytes) -> Marks:
    """What is written in *frame*."""
    return Marks(*MARKS.unpack_from(frame, len(HEADER)))
