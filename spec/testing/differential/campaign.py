# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A search: session after session, on as many processes as there are CPUs.

Session *n* of a seed is the same whoever runs it, so the number of workers changes how long a
campaign takes and nothing else.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from spec.testing.differential.area import Area, Pair
from spec.testing.differential.choices import RandomChoices
from spec.testing.differential.shrink import Failure
from spec.testing.differential.step import Step

PR_SET_PDEATHSIG = 1
RUN = 64
"""Sessions with numbers in a row that one part of a campaign has."""
_fork = get_context("fork")

Pairs = Callable[[int], Pair]
"""The pair of engines for a session, by its number; called in the process that runs it."""


class Session(NamedTuple):
    """What became of one session."""

    number: int
    steps: int
    counted: Counter[str]
    failure: Failure | None


class Limits(NamedTuple):
    """Which sessions a campaign has, and when it ends, if no difference ends it."""

    steps: int | None = None
    seconds: float | None = None
    part: tuple[int, int] = (0, 1)
    """``(2, 10)``: the third of ten parts into which machines share the sessions of a seed."""

    def number(self, place: int) -> int:
        """The number of the session at *place*; a part has runs of 64 numbers."""
        own, parts = self.part
        run, within = divmod(place, RUN)
        return (run * parts + own) * RUN + within


class Result(NamedTuple):
    """What a campaign has done."""

    area: str
    seed: int
    sessions: int
    steps: int
    counted: Counter[str]
    seconds: float
    failed: Session | None


def run_session(area: Area, pair: Pair, seed: int, number: int, most: int) -> Session:
    """At most *most* steps of session *number*."""
    choices = RandomChoices(f"{seed}/{area.name}/{number}")
    steps: list[Step] = []
    session = area.open(pair)
    try:
        while len(steps) < most:
            step = session.draw(choices)
            steps.append(step)
            found = session.perform(step)
            if found is None and (
                len(steps) % area.steps_between_checks == 0 or len(steps) == most
            ):
                found = session.check()
            if found is not None:
                failure = Failure(area, tuple(steps), found)
                return Session(number, len(steps), session.counted, failure)
        return Session(number, len(steps), session.counted, None)
    finally:
        session.close()


def run_campaign(
    area: Area,
    pairs: Pairs,
    seed: int,
    limits: Limits,
    workers: int = 1,
    told: Callable[[int], None] = lambda _: None,
) -> Result:
    """Session after session until *limits* or a difference; *told* of steps done.

    Of several differences the one of the lowest session is given.
    """
    began = time.monotonic()
    plan = _Plan(area, limits, began)
    done: list[Session] = []
    failed: Session | None = None
    crew = [_Worker(area, pairs, seed) for _ in range(workers)]
    try:
        for place, worker in enumerate(crew):
            worker.begin(plan, place)
        while busy := [worker for worker in crew if worker.place is not None]:
            for reader in wait([worker.reader for worker in busy]):
                worker = next(worker for worker in busy if worker.reader is reader)
                session, place = worker.hear()
                done.append(session)
                told(session.steps)
                if session.failure and (plan.end is None or place < plan.end):
                    failed, plan.end = session, place
                worker.begin(plan, place + workers)
    finally:
        for worker in crew:
            worker.end()
    steps = sum(session.steps for session in done)
    counted = sum((session.counted for session in done), Counter[str]())
    seconds = time.monotonic() - began
    return Result(area.name, seed, len(done), steps, counted, seconds, failed)


class _Plan:
    """Which sessions there are to run, and how many steps each has."""

    def __init__(self, area: Area, limits: Limits, began: float) -> None:
        self._area, self.limits, self._began = area, limits, began
        self.end: int | None = None
        """Where a session has failed: those before it are still of interest."""

    def steps(self, place: int) -> int:
        """Of the session at *place*; 0 if it is not to be run."""
        if self.end is not None and place > self.end:
            return 0
        seconds = self.limits.seconds
        if seconds is not None and time.monotonic() > self._began + seconds:
            return 0
        if self.limits.steps is None:
            return self._area.steps
        return max(0, min(self.limits.steps - place * self._area.steps, self._area.steps))


class _Worker:
    """A process that runs the sessions it is given one by one."""

    def __init__(self, area: Area, pairs: Pairs, seed: int) -> None:
        self.reader, writer = _fork.Pipe()
        arguments = area, pairs, seed, writer, os.getpid()
        self._process = _fork.Process(target=_work, args=arguments, daemon=True)
        self._process.start()
        writer.close()
        self.place: int | None = None

    def begin(self, plan: _Plan, place: int) -> None:
        """Start on the session at *place*, if the plan has it."""
        steps = plan.steps(place)
        self.place = place if steps else None
        if steps:
            self.reader.send((plan.limits.number(place), steps))

    def hear(self) -> tuple[Session, int]:
        """The session that it has run, and its place."""
        assert self.place is not None
        try:
            said = self.reader.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            raise RuntimeError(f"the process of a session ended with {code}") from None
        if isinstance(said, BaseException):
            raise said
        return said, self.place

    def end(self) -> None:
        """Let it end, or end it."""
        self.reader.close()
        self._process.join(0.5)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()


def _work(area: Area, pairs: Pairs, seed: int, orders: Connection, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is asked to stop, and stops us
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    while True:
        try:
            number, steps = orders.recv()
        except (EOFError, OSError):
            return
        said: Any
        try:
            said = run_session(area, pairs(number), seed, number, steps)
        except Exception as error:
            said = error
        try:
            orders.send(said)
        except OSError:
            return
