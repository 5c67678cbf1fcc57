# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs one ``>>>`` statement and compares everything it shows with what the page says."""

from __future__ import annotations

import ast
import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from spec.errors import InputError, KernelError
from spec.testing.blocks import Page
from spec.testing.markup import Prompt
from spec.testing.outcome import Failure, difference, differing_line, summary

BLANK = "<BLANKLINE>"

MOST_FRAMES = 4
"""How much of an engine's own stack is told where the engine itself broke."""


def run_statement(page: Page, prompt: Prompt, namespace: dict[str, Any]) -> Failure | None:
    """What was not as expected, if anything; the statement's effects stay in *namespace*."""
    want = "".join("\n" if x.strip() == BLANK else x for x in prompt.want.splitlines(True))
    try:
        code = _compile(page, prompt)
    except SyntaxError as error:
        return _failure(page, prompt, prompt.line, f"SyntaxError: {error.msg}", ())
    shown = io.StringIO()
    raised: BaseException | None = None
    with redirect_stdout(shown), _display():
        try:
            exec(code, namespace)
        except (Exception, SystemExit) as error:
            raised = error
    got = shown.getvalue()
    if raised is not None:
        return _compare_exception(page, prompt, got, raised)
    if got == want:
        return None
    if prompt.exception is not None:
        expected = prompt.exception.strip()
        message = f"expected {expected}, but nothing was raised"
        details = difference(prompt.exception, got) if got else ()
        return _failure(page, prompt, _last_line(prompt), message, details, expected, got)
    line = prompt.line
    if want:
        line = prompt.want_line + differing_line(want, got)
    return _failure(page, prompt, line, summary(want, got), difference(want, got), want, got)


def _compile(page: Page, prompt: Prompt) -> Any:
    """The statement as code that has its place in the page."""
    tree = ast.parse(prompt.source, str(page.path), mode="single")
    ast.increment_lineno(tree, prompt.line - 1)
    return compile(tree, str(page.path), "single", dont_inherit=True)


@contextmanager
def _display() -> Iterator[None]:
    """Show values as an interactive session does, but keep no ``_``."""
    before = sys.displayhook
    sys.displayhook = lambda value: None if value is None else print(repr(value))  # noqa: T201
    try:
        yield
    finally:
        sys.displayhook = before


def _compare_exception(
    page: Page, prompt: Prompt, got: str, raised: BaseException
) -> Failure | None:
    text = told(raised)
    if prompt.exception is not None and not got:
        expected = prompt.exception.rstrip("\n")
        if expected == text:
            return None
        message, details = summary(expected, text), difference(expected, text)
        return _failure(page, prompt, _last_line(prompt), message, details, expected, text)
    shown = tuple(f"printed before: {line}" for line in got.splitlines())
    details = (*shown, text, *origin(page, raised))
    want = (prompt.exception or prompt.want).rstrip("\n")
    return _failure(page, prompt, prompt.line, text, details, want, got + text)


def told(raised: BaseException) -> str:
    """The exception as the last line of a traceback has it, the class named without its module."""
    name = type(raised).__name__
    return f"{name}: {raised}" if str(raised) else name


def origin(page: Page, raised: BaseException) -> tuple[str, ...]:
    """Hints at the cause: a name of the page that was meant, or a defect of the engine."""
    lines = list(traceback.TracebackException.from_exception(raised).format_exception_only())
    suggestion = lines[0].strip().partition(str(raised))[2].strip(" .\n") if lines else ""
    hints = [suggestion] if suggestion.startswith("Did you mean") else []
    frames = traceback.extract_tb(raised.__traceback__)
    expected = (KernelError, InputError, NameError)
    if not isinstance(raised, expected) and Path(frames[-1].filename) != page.path:
        last = frames[-MOST_FRAMES:]
        hints += [f"in {frame.filename}:{frame.lineno} {frame.name}()" for frame in last]
    if isinstance(raised, KernelError) and raised.source:
        hints.append(raised.source)
    return tuple(hints)


def _last_line(prompt: Prompt) -> int:
    return prompt.want_line + max(0, prompt.want.count("\n") - 1)


def _failure(
    page: Page,
    prompt: Prompt,
    line: int,
    message: str,
    details: tuple[str, ...],
    expected: str = "",
    seen: str = "",
) -> Failure:
    end = prompt.want_line + prompt.want.count("\n")
    excerpt = page.text.splitlines()[prompt.line - 1 : end - 1]
    return Failure(line, message, prompt.line, tuple(excerpt), details, expected, seen)
