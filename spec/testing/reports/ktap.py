# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The report as KTAP, which kselftest's runners read, and every TAP parser as well."""

from __future__ import annotations

from collections.abc import Iterator

from spec.testing.reports.text import MARGIN, difference
from spec.testing.result import Report, Result, Verdict

VERSION = "KTAP version 1"
_WIDE = 1000


def lines(report: Report) -> Iterator[str]:
    """One test for each example; those that can't be told or don't apply are skipped."""
    yield VERSION
    yield f"1..{len(report.results)}"
    for number, result in enumerate(report.results, 1):
        yield from _test(number, result)


def nothing(reason: str) -> Iterator[str]:
    """A report of a run that could not begin."""
    yield VERSION
    yield f"1..0 # SKIP {_one_line(reason)}"


def _test(number: int, result: Result) -> Iterator[str]:
    match result.verdict:
        case Verdict.HOLDS:
            yield f"ok {number} {result.title}"
        case Verdict.DIFFERS:
            for failure in result.failures:
                for text in difference(result.page, failure, _WIDE):
                    yield f"# {text[len(MARGIN) :]}".rstrip()
            yield f"not ok {number} {result.title}"
        case _:
            reason = f"{result.verdict.value}: {_one_line(result.reason)}"
            yield f"ok {number} {result.title} # SKIP {reason}"


def _one_line(text: str) -> str:
    return " ".join(text.replace("#", "").split())
