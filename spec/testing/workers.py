# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs pages side by side, each in a process of its own.

Most of a page's time is waiting for the kernel, and a page's C code that crashes takes only its
own page with it. A worker ends when its parent does, however that ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from spec.errors import InputError
from spec.testing.blocks import Example, Page
from spec.testing.build import BlockError, Build
from spec.testing.engine import Engine
from spec.testing.evidence import account
from spec.testing.outcome import Blocked, Failed, Failure, Outcome
from spec.testing.result import Result
from spec.testing.runner import PageRun

PR_SET_PDEATHSIG = 1
ENDING = (signal.SIGINT, signal.SIGTERM)
PATIENCE_S = 5.0
"""How long a worker may take to clean up before it is ended for good."""

_fork = get_context("fork")


class Task(NamedTuple):
    """A page and those of its examples that were asked for."""

    page: Page
    examples: tuple[Example, ...]


class _Said(NamedTuple):
    """What a worker says: an outcome of the next example, or a trouble that is not the page's."""

    outcome: Outcome | None
    seconds: float = 0.0
    trouble: InputError | None = None


class _Worker:
    """The process of one page, and what it has said so far."""

    def __init__(self, task: Task, engine: Engine, release: str, others: Sequence[Any]) -> None:
        self.task, self.engine, self.release = task, engine, release
        self.results: list[Result] = []
        self.reader, writer = _fork.Pipe(duplex=False)
        strangers = [self.reader, *(other.reader for other in others)]
        arguments = (task, engine, writer, strangers, os.getpid())
        self.process = _fork.Process(target=_run, args=arguments, daemon=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # until the worker knows what to do
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        writer.close()

    def hear(self) -> list[Result]:
        """The next result; all that remain, if the process is no more."""
        try:
            said: _Said = self.reader.recv()
        except (EOFError, OSError):
            return self._died()
        if said.trouble:
            raise said.trouble
        assert said.outcome is not None
        return [self._result(said.outcome, said.seconds)]

    @property
    def done(self) -> bool:
        return len(self.results) == len(self.task.examples)

    def end(self) -> None:
        """Let it clean up, and end it in any case."""
        if not self.done and self.process.is_alive():
            self.process.terminate()
        self.process.join(PATIENCE_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.reader.close()

    def _died(self) -> list[Result]:
        self.process.join()
        code = self.process.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        culprit = self.task.examples[len(self.results)]
        message = f"the process that ran it died: {how}"
        found = [self._result(Failed((Failure(culprit.line, message),)))]
        for example in self.task.examples[len(self.results) :]:
            message = f"not run: {culprit.name} ended the process"
            found.append(self._result(Blocked((Failure(example.line, message),))))
        return found

    def _result(self, outcome: Outcome, seconds: float = 0.0) -> Result:
        page, example = self.task.page, self.task.examples[len(self.results)]
        seen = account(self.engine, self.release, page.title, example, outcome)
        result = Result(
            page.title,
            example.name,
            example.kind,
            example.line,
            example.sentence,
            outcome,
            seen,
            seconds,
        )
        self.results.append(result)
        return result


def run_tasks(
    tasks: Sequence[Task],
    engine: Engine,
    release: str,
    told: Callable[[Result], None],
    most: int | None = None,
) -> list[Result]:
    """The results of all *tasks* in their order; each is *told* as soon as it is there.

    At most *most* pages run at once (default: one for each CPU, but two on one). Raises
    ``InputError`` for what is no page's fault, such as a full disk.
    """
    most = most or max(2, len(os.sched_getaffinity(0)))
    waiting = sorted(tasks, key=lambda task: len(task.page.steps))  # the longest is last: next
    workers: list[_Worker] = []
    try:
        while waiting or not all(worker.done for worker in workers):
            active = [worker for worker in workers if not worker.done]
            while waiting and len(active) < most:
                active.append(_Worker(waiting.pop(), engine, release, workers))
                workers.append(active[-1])
            for worker in _ready(active):
                for result in worker.hear():
                    told(result)
    finally:
        for worker in workers:
            worker.end()
    order = [task.page.title for task in tasks]
    workers.sort(key=lambda worker: order.index(worker.task.page.title))
    return [result for worker in workers for result in worker.results]


def _ready(workers: Sequence[_Worker]) -> Iterator[_Worker]:
    ready = wait([worker.reader for worker in workers])
    return (worker for worker in workers if worker.reader in ready)


# In the worker.


def _run(
    task: Task, engine: Engine, writer: Connection, strangers: list[Connection], parent: int
) -> None:
    for number in ENDING:
        signal.signal(number, _stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it has ended already
        return
    for stranger in strangers:
        stranger.close()
    build = Build(task.page)
    run = PageRun(task.page, engine, build)
    try:
        _compile(build)
        for example in task.examples:
            began = time.perf_counter()
            outcome = run.outcome(example)
            writer.send(_Said(outcome, time.perf_counter() - began))
    except InputError as trouble:
        writer.send(_Said(None, trouble=trouble))
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    finally:
        _let_finish()
        run.close()


def _stop(*_: object) -> None:
    _let_finish()
    raise KeyboardInterrupt


def _let_finish() -> None:
    """Nothing interrupts the cleaning up."""
    for number in ENDING:  # not SIG_IGN: Python complains where both come at once
        signal.signal(number, lambda *_: None)


def _compile(build: Build) -> None:
    """Compile the page now, so that what is not its own fault is not taken for it."""
    try:
        _ = build.bpf_object, build.shared_object, build.separate_objects
    except BlockError:
        pass  # the run says where
    except OSError as error:
        problem = f"can't be written: {error.strerror}"
        raise InputError(str(error.filename or "cache"), problem, "make room for it") from None
