# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How several guests are getting on: a line for each on a terminal, each change once elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TextIO

UP, CLEAR = "\x1b[A", "\x1b[K"


class Progress:
    """The lines, written to *stream* by whichever thread has news."""

    def __init__(self, titles: Sequence[str], stream: TextIO, things: str = "examples") -> None:
        self._stream, self._things = stream, things
        self._live = stream.isatty()
        self._said = dict.fromkeys(titles, "waiting")
        self._began = dict.fromkeys(titles, time.monotonic())
        self._lock = threading.Lock()
        self._drawn = 0

    def told(self, title: str, how: str) -> None:
        """*title* is now at *how*."""
        with self._lock:
            was, self._said[title] = self._said[title], how
            if self._live:
                self._draw()
            elif was != how and not how[:1].isdigit():
                print(f"{self._line(title)}", file=self._stream, flush=True)

    def clear(self) -> None:
        """Leave room for what is to stay."""
        with self._lock:
            if self._live and self._drawn:
                self._stream.write((UP + CLEAR) * self._drawn)
                self._stream.flush()
            self._drawn = 0

    def _draw(self) -> None:
        up = UP * self._drawn
        lines = "".join(f"{CLEAR}{self._line(title)}\n" for title in self._said)
        self._stream.write(up + lines)
        self._stream.flush()
        self._drawn = len(self._said)

    def _line(self, title: str) -> str:
        width = max(map(len, self._said))
        how = self._said[title]
        shown = f"running {how} {self._things}" if how[:1].isdigit() else how
        return f"{title:{width}}  {time.monotonic() - self._began[title]:4.0f} s  {shown}"
