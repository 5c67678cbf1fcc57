# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Simpler frames: fewer calls, simpler ones, usual lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spec.testing.differential.redirect.frames import ANSWER
from spec.testing.differential.step import Step

FRAMES_AT = {"receive": 1, "burst": 1, "run": 1}
"""Where the arguments of a step begin to be frames; only ``receive`` has several."""
LENGTH = 60


def simpler_frames(step: Step) -> Sequence[Step]:
    """*step* with one frame less, or one of them simpler."""
    first = FRAMES_AT.get(step.name)
    if first is None:
        return ()
    last = len(step.arguments) if step.name == "receive" else first + 1
    found = []
    for at in range(first, last):
        before, after = step.arguments[:at], step.arguments[at + 1 :]
        if last - first > 1:
            found.append(Step(step.name, (*before, *after)))
        found += [
            Step(step.name, (*before, frame, *after)) for frame in _simpler(step.arguments[at])
        ]
    return found


def is_whole(step: Step) -> bool:
    """Whether what should be a frame still is one."""
    first = FRAMES_AT.get(step.name)
    if first is None:
        return True
    frame: Any = step.arguments[first]
    return isinstance(frame, tuple) and all(
        isinstance(call, tuple) for call in (frame[0] if isinstance(frame[0], tuple) else (0,))
    )


def _simpler(frame: Any) -> Sequence[Any]:
    calls, length = frame
    found = [((*calls[:at], *calls[at + 1 :]), length) for at in range(len(calls))]
    if length > LENGTH:
        found.append((calls, LENGTH))
    for at, (kind, target, flags, verdict) in enumerate(calls):
        others = []
        if flags:
            others.append((kind, target, 0, verdict))
        if verdict != ANSWER:
            others.append((kind, target, flags, ANSWER))
        found += [((*calls[:at], other, *calls[at + 1 :]), length) for other in others]
    return found
