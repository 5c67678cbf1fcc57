# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Highlights ``>>>`` blocks, the tracepoint lines they print included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from pygments.lexers.python import PythonConsoleLexer
from pygments.token import Generic, _TokenType

NAME = "xdp-session"

EVENT = Generic.Output.Event
FAULT = Generic.Output.Fault
QUIET = Generic.Output.Quiet

_EVENT_LINE = re.compile(r"(xdp_\w+)([ ]+)(.*)")
_ERROR = re.compile(r"\berr [A-Z0-9]+")

_Token = tuple[int, _TokenType, str]


class SessionLexer(PythonConsoleLexer):
    """Python sessions whose output may be events of the kernel's ``xdp`` tracepoints."""

    name = "XDP session"
    aliases: ClassVar[list[str]] = [NAME]
    mimetypes: ClassVar[list[str]] = []

    def get_tokens_unprocessed(self, *args: Any, **options: Any) -> Iterator[_Token]:
        for index, kind, text in super().get_tokens_unprocessed(*args, **options):
            if kind is Generic.Output:
                yield from _output(index, text)
            else:
                yield index, kind, text


def _output(index: int, text: str) -> Iterator[_Token]:
    for line in text.splitlines(keepends=True):
        event = _EVENT_LINE.match(line)
        if event:
            yield from _event(index, event, line)
        else:
            yield index, QUIET if line.strip() == "no events" else Generic.Output, line
        index += len(line)


def _event(index: int, event: re.Match[str], line: str) -> Iterator[_Token]:
    name, space, rest = event.groups()
    failed = name.endswith("_err") or name == "xdp_exception"
    yield index, FAULT if failed else EVENT, name
    yield index + event.start(2), Generic.Output, space
    at = event.start(3)
    error = _ERROR.search(rest)
    end = error.start() if error else len(rest)
    yield index + at, Generic.Output, rest[:end]
    if error:
        yield index + at + end, FAULT, error.group()
        yield index + at + error.end(), Generic.Output, rest[error.end() :]
    yield index + event.end(), Generic.Output, line[event.end() :]
