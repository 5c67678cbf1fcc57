# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A session whose steps are operations on a lab: each is performed on both, then compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

from spec.testing.differential.area import Difference, Pair
from spec.testing.differential.side import Answer, NotThereError, Side, answer
from spec.testing.differential.step import Argument, Step

SHOWN = 2000
"""Characters of an answer that a difference shows."""


class Operation(NamedTuple):
    """Something that a step can do on either side, and how it is written in Python."""

    perform: Callable[..., Answer]
    """Called with a ``Side`` and the step's arguments."""
    python: Callable[..., str]
    """Called with the step's arguments."""


class LabSession:
    """Two labs and the operations of an area."""

    operations: Mapping[str, Operation] = {}

    def __init__(self, pair: Pair) -> None:
        self.counted = Counter[str]()
        with ExitStack() as opened:
            self.model = Side(pair.model(), pair.cpu, pair.broken)
            opened.callback(self.model.close)
            self.kernel = Side(pair.kernel(), pair.cpu)
            opened.callback(self.kernel.close)
            for side in (self.model, self.kernel):
                self.prepare(side)
            self._close = opened.pop_all().close

    def prepare(self, side: Side) -> None:
        """What is there before the first step."""

    def perform(self, step: Step) -> Difference | None:
        """Do *step* on both sides."""
        operation = self.operations[step.name].perform
        try:
            model = answer(operation, self.model, step.arguments)
            kernel = answer(operation, self.kernel, step.arguments)
        except NotThereError:
            return None
        if model == kernel:
            return None
        return difference(self.python(step), model, kernel)

    def python(self, step: Step) -> str:
        """*step* as a line of Python."""
        return self.operations[step.name].python(*step.arguments)

    def check(self) -> Difference | None:
        """Look at everything from both sides."""
        for what, look in self.sights():
            model, kernel = answer(look, self.model, ()), answer(look, self.kernel, ())
            if model != kernel:
                return difference(what, model, kernel)
        return None

    def sights(self) -> Iterable[tuple[str, Callable[[Side], Answer]]]:
        """What there is to look at: an expression in Python, and how a side answers."""
        return ()

    def close(self) -> None:
        """Take both labs down."""
        self._close()


def difference(what: str, model: Answer, kernel: Answer) -> Difference:
    """The two answers; of long lists and tables only what differs."""
    if isinstance(model, list) and isinstance(kernel, list):
        model, kernel, where = _parted(model, kernel)
        what += where
    return Difference(what, shown(model)[:SHOWN], shown(kernel)[:SHOWN])


def _parted(model: list[Any], kernel: list[Any]) -> tuple[Answer, Answer, str]:
    """The rest of two lists from where they part; of tables what differs."""
    same = 0
    while same < min(len(model), len(kernel)) and model[same] == kernel[same]:
        same += 1
    where = f"  # from [{same}] on" if same else ""
    model, kernel = model[same:], kernel[same:]
    if len(model) == len(kernel) == 1 and all(isinstance(end[0], dict) for end in (model, kernel)):
        names = [
            name for name in {**model[0], **kernel[0]} if model[0].get(name) != kernel[0].get(name)
        ]
        model, kernel = ([{name: end[0].get(name) for name in names}] for end in (model, kernel))
    return model, kernel, where


def shown(answer: Answer) -> str:
    """*answer* on one line, frames in hexadecimal and without the zeros at their end."""
    if isinstance(answer, bytes):
        text = answer.rstrip(b"\0").hex()
        return f"{len(answer)} bytes {text}"
    if isinstance(answer, dict):
        return f"{{{', '.join(f'{name}: {shown(value)}' for name, value in answer.items())}}}"
    if isinstance(answer, list | tuple) and not hasattr(answer, "_fields"):
        parts = ", ".join(map(shown, answer))
        return f"[{parts}]" if isinstance(answer, list) else f"({parts})"
    return repr(answer)


def spelled(argument: Argument) -> str:
    """An argument in Python, where names stand for variables."""
    if isinstance(argument, tuple):
        return f"({', '.join(map(spelled, argument))})"
    return argument if isinstance(argument, str) else repr(argument)


def called(method: str) -> Callable[..., str]:
    """Writes a call of *method* of the first argument with the others."""

    def python(thing: str, *arguments: Argument) -> str:
        return f"{thing}.{method}({', '.join(map(spelled, arguments))})"

    return python
