# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The ring between who puts and who takes: a CPUMAP's thread, a veth's poll, a pool of pages.

Mirrors ``include/linux/ptr_ring.h: __ptr_ring_produce, __ptr_ring_consume,
__ptr_ring_discard_one``.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from spec.frame import CACHE_LINE

POINTER_SIZE = 8
BATCH = 2 * CACHE_LINE // POINTER_SIZE
"""Places that become free together, in a ring at least twice as large."""

Item = TypeVar("Item")


class PointerRing(Generic[Item]):
    """A ring of *size* places, filled in turn.

    What was taken goes on occupying its place until ``BATCH`` of them, or those up to the end of
    the ring, are given back together: a ring that was just emptied may have room for less than
    *size*.
    """

    __slots__ = ("_batch", "_head", "_places", "_producer", "_tail", "_waiting", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._places: list[Item | None] = [None] * size
        self._waiting = 0
        self._batch = BATCH if size // 2 >= BATCH else 1
        self._producer = self._head = self._tail = 0

    def put(self, item: Item) -> bool:
        """Whether there was room for *item*."""
        if self._places[self._producer] is not None:
            return False
        self._places[self._producer] = item
        self._producer = (self._producer + 1) % self.size
        self._waiting += 1
        return True

    def take(self, count: int) -> list[Item]:
        """At most *count* items, the oldest first."""
        return [self.take_one() for _ in range(min(count, self._waiting))]

    def take_one(self) -> Item:
        """The oldest item of a ring that has one."""
        item = self._places[self._head]
        assert item is not None
        self._waiting -= 1
        self._head += 1
        self._give_places_back()
        return item

    def clear(self) -> None:
        """As a ring that was just made (``ptr_ring_cleanup``, ``ptr_ring_init``)."""
        if self._waiting or self._head or self._tail or self._producer:
            self.__init__(self.size)  # type: ignore[misc]

    def __bool__(self) -> bool:
        return self._waiting > 0

    def _give_places_back(self) -> None:
        at_end = self._head == self.size
        if self._head - self._tail >= self._batch or at_end:
            for place in range(self._tail, self._head):
                self._places[place] = None
            self._tail = self._head
        if at_end:
            self._head = self._tail = 0
