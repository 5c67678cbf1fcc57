# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames for tests of devices: to everybody or to one, with a VLAN tag or without."""

from __future__ import annotations

ETHERTYPE, TAG = bytes.fromhex("88b5"), bytes.fromhex("8100 0007")
TO_ALL, TO_ONE = b"\xff" * 6 + b"\x02" * 6, b"\x02\x00\x00\x00\x00\x09" + b"\x02" * 6
FRAME = (TO_ALL + ETHERTYPE).ljust(60, b"\0")


def tagged(length: int = 64, tag: bytes = TAG) -> bytes:
    """A frame with one VLAN tag."""
    return (TO_ALL + tag + ETHERTYPE).ljust(length, b"\0")
