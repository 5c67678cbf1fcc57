# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where a veth's program gets the memory for its copies: short ones share a page.

Mirrors ``include/net/page_pool/helpers.h: page_pool_alloc_netmem``, ``net/core/page_pool.c:
page_pool_alloc_frag_netmem`` and ``net/core/skbuff.c: skb_pp_cow_data``.
"""

from __future__ import annotations

from spec.frame import HEADROOM, LINEAR_ROOM, PAGE_SIZE, SHARED_INFO, Frame, align

MOST_LINEAR = LINEAR_ROOM - HEADROOM


class PageFragments:
    """The page that is being given out piece by piece.

    What is left behind the last piece that fits belongs to that piece: among frames of the same
    length, one in a few can grow further than the others. Before 6.6 each frame had a page of its
    own.
    """

    __slots__ = ("_given", "_shared")

    def __init__(self, shared: bool = True) -> None:
        self._given, self._shared = PAGE_SIZE, shared

    def copy(self, data: bytes) -> Frame:
        """A packet with headroom; a long one has a page to itself and spills into others."""
        linear = min(len(data), MOST_LINEAR)
        size = self._take(HEADROOM + align(linear) + SHARED_INFO)
        for offset in range(linear, len(data), PAGE_SIZE):
            self._take(min(PAGE_SIZE, len(data) - offset))
        return Frame.of(data, HEADROOM, size - SHARED_INFO)

    def clear(self) -> None:
        """Begin with a new page."""
        self._given = PAGE_SIZE

    def _take(self, size: int) -> int:
        """How large a piece of at least *size* bytes turns out to be."""
        if 2 * size > PAGE_SIZE or not self._shared:
            return PAGE_SIZE
        start = self._given if self._given + size <= PAGE_SIZE else 0
        self._given = start + size
        if self._given + size > PAGE_SIZE:
            self._given = PAGE_SIZE
        return self._given - start
