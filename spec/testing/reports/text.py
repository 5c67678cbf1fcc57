# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The report for a terminal: a line for each rule, what differs at length, a summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from click import style

from spec.testing.outcome import Failure
from spec.testing.reports.columns import plain, side_by_side
from spec.testing.result import Report, Result, Verdict, count

COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.DIFFERS: "red",
    Verdict.OTHER_RELEASE: "cyan",
    Verdict.CANT_TELL: "yellow",
}
MARGIN = " " * 2
"""What every line about a difference begins with."""
INDENT = MARGIN + " " * 2
_DIFFERENT = MARGIN + "! "


def lines(report: Report, width: int) -> Iterator[str]:
    """The whole report; no line of it is wider than *width* columns if that can be helped."""
    shown = [result for result in report.results if _is_shown(result)]
    widest = max((len(result.verdict.value) for result in shown), default=0)
    for page, results in report.pages.items():
        yield style(page, bold=True)
        names = [len(result.name) for result in results if _is_shown(result)]
        for result in results:
            if _is_shown(result):
                yield from _result(result, widest, max(names), width)
        yield ""
    yield f"{report.system}, {_number(report.pages, 'page')}, {report.seconds:.1f} s"
    yield f"{_number(report.rules, 'rule')}: {_counts(report.rules)}"
    if report.others:
        yield f"{_number(report.others, 'other example')}: {_counts(report.others)}"


def differences(report: Report, width: int) -> Iterator[str]:
    """Only what differs or can't be told."""
    doubtful = (Verdict.DIFFERS, Verdict.CANT_TELL)
    shown = [result for result in report.results if result.verdict in doubtful]
    widest = max((len(result.verdict.value) for result in shown), default=0)
    longest = max((len(result.name) for result in shown), default=0)
    for result in shown:
        yield from _result(result, widest, longest, width)


def summary(report: Report) -> str:
    """The counts in one line."""
    told = f"{_number(report.rules, 'rule')}: {_counts(report.rules)}"
    if report.others:
        told += f"; {_number(report.others, 'other example')}: {_counts(report.others)}"
    return told


def _is_shown(result: Result) -> bool:
    return result.kind == "rule" or result.verdict is not Verdict.HOLDS


def _result(result: Result, widest: int, longest: int, width: int) -> Iterator[str]:
    verdict = result.verdict
    told = plain(result.sentence) if verdict is Verdict.HOLDS else result.reason
    head = f"{verdict.value:{widest}}  {result.name:{longest}}  "
    room = max(20, width - len(head))
    told = told if len(told) <= room else f"{told[: room - 1]}…"
    coloured = style(f"{verdict.value:{widest}}", fg=COLOURS[verdict])
    yield f"{coloured}{head[widest:]}{told}".rstrip()
    if verdict is Verdict.DIFFERS:
        if result.sentence:
            yield f"{INDENT}{plain(result.sentence)}"
        for failure in result.failures:
            for line in difference(result.page, failure, width):
                yield style(line, fg=COLOURS[verdict]) if line.startswith(_DIFFERENT) else line


def difference(page: str, failure: Failure, width: int) -> Iterator[str]:
    """Where *failure* is, the statement, and what was expected beside what was seen."""
    yield f"{INDENT}{page}:{failure.line}"
    for number, text in enumerate(failure.excerpt, failure.first):
        yield f"{INDENT}{'>' if number == failure.line else ' '} {text}".rstrip()
    if not (failure.expected or failure.seen):
        yield from (f"{INDENT}{text}" for text in failure.details or (failure.message,))
        return
    rows = list(side_by_side(failure.expected, failure.seen))
    column = max(len("expected"), *(len(row.expected or "") for row in rows))
    if column + max(len(row.seen or "") for row in rows) + len(INDENT) + 3 > width:
        yield from (f"{INDENT}{text}" for text in failure.details)
        return
    yield f"{INDENT}{'expected':{column}} | seen"
    for row in rows:
        mark = INDENT if row.same else _DIFFERENT
        yield f"{mark}{row.expected or '':{column}} | {row.seen or ''}".rstrip()


def _counts(results: Sequence[Result]) -> str:
    counted = count(results)
    parts = []
    for verdict in Verdict:
        number = counted[verdict]
        words = f"{number} {_agreeing(verdict, number)}"
        if number:
            parts.append(style(words, fg=COLOURS[verdict]))
        elif verdict in (Verdict.HOLDS, Verdict.DIFFERS):
            parts.append(words)
    return ", ".join(parts)


def _agreeing(verdict: Verdict, number: int) -> str:
    if verdict in (Verdict.HOLDS, Verdict.DIFFERS) and number != 1:
        return {Verdict.HOLDS: "hold", Verdict.DIFFERS: "differ"}[verdict]
    return verdict.value


def _number(things: Sequence[object] | dict[str, list[Result]], what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"
