# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Keeps the calling thread on one CPU while labs are open, so that softirq work stays local.

A frame that arrives on a CPU is handled on it before the system call returns; on one CPU the
order of events is the order of time. Always the lowest CPU allowed: the same one in each run.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress

_lock = threading.Lock()
_pinned: dict[int, tuple[int, set[int]]] = {}


class Pin:
    """One reason for the calling thread to stay where it is."""

    def __init__(self) -> None:
        self._thread = threading.get_native_id()
        with _lock:
            count, allowed = _pinned.get(self._thread, (0, set()))
            if not count:
                allowed = os.sched_getaffinity(self._thread)
                os.sched_setaffinity(self._thread, {min(allowed)})
            _pinned[self._thread] = count + 1, allowed
        self.cpu = min(allowed)

    def release(self) -> None:
        """Let the thread go back to the CPUs it had, once nobody holds it any more."""
        with _lock:
            count, allowed = _pinned.pop(self._thread)
            if count > 1:
                _pinned[self._thread] = count - 1, allowed
            else:
                with suppress(ProcessLookupError):  # the thread has ended
                    os.sched_setaffinity(self._thread, allowed)
