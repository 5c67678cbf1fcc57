# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Judges whole trees: compiles side by side, loads one after the other, tells in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from spec.lab import Lab
from spec.testing.compiler import end_compilers
from spec.testing.foreign.judge import PageJudge
from spec.testing.foreign.verdict import Judgement


def judge_pages(
    judges: Sequence[PageJudge], lab: Lab, told: Callable[[Judgement], None]
) -> list[Judgement]:
    """A judgement for each block of all pages, in the order of the text; each is *told* at once."""
    work = [(judge, number) for judge in judges for number in range(len(judge.blocks))]
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="compile")
    found: list[Judgement] = []
    try:
        compiling = [pool.submit(judge.compile, number) for judge, number in work]
        for (judge, number), future in zip(work, compiling, strict=True):
            found.append(judge.judge(number, future.result(), lab))
            told(found[-1])
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        end_compilers()
        raise
    pool.shutdown()
    return found
