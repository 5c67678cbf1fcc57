# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a step on the live kernel still waits for, told from the events alone."""

from __future__ import annotations

import pytest

from kernel_impl.settle import elsewhere
from spec.trace import CpumapEnqueue, CpumapKthread, Event

MAP, XDP_REDIRECT, CPU, TO_CPU = 7, 4, 0, 1
NOBODY = frozenset[int]()
"""No CPU has a backlog."""


def enqueued(processed: int, drops: int) -> Event:
    return CpumapEnqueue((MAP, XDP_REDIRECT, CPU, drops, processed, TO_CPU))


def handled(processed: int) -> Event:
    return CpumapKthread((MAP, XDP_REDIRECT, TO_CPU, 0, processed, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("told", "waiting"),
    [
        pytest.param([enqueued(8, 5)], 3, id="a bulk counts what it drops"),
        pytest.param([enqueued(1, 0), *[enqueued(0, 1)] * 7], 1, id="a buffer alone does not"),
        pytest.param([enqueued(8, 0), handled(5)], 3, id="less what was handled"),
    ],
)
def test_frames_for_a_cpu_are_waited_for_unless_they_were_dropped(
    told: list[Event], waiting: int
) -> None:
    assert elsewhere(told, {}, NOBODY) == [f"{waiting} frames in CPUMAP {MAP}"]


def test_frames_that_were_handled_are_not_waited_for() -> None:
    assert elsewhere([enqueued(8, 0), handled(8)], {}, NOBODY) == []
