# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The report as one HTML file that needs nothing else, to be attached to a bug report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from spec.testing.outcome import Failure
from spec.testing.reports.columns import plain, side_by_side
from spec.testing.result import Report, Result, Verdict, count

_STYLE = Path(__file__).with_name("report.css")

_HEADLINES = {
    0: "Every rule that could be asked holds",
    1: "Something differs",
    4: "Nothing could be told",
}


def text(report: Report) -> str:
    """The whole document: what differs first, then every rule."""
    return "\n".join(_document(report)) + "\n"


def _document(report: Report) -> Iterator[str]:
    headline = escape(_HEADLINES[report.status])
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>XDP redirection on {escape(report.system)}</title>"
    yield f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>"
    yield f"<h1>{headline}</h1>"
    yield f'<p class="where">XDP redirection on {escape(report.system)}, {report.date}</p>'
    yield from _counts(report)
    differing = [result for result in report.results if result.verdict is Verdict.DIFFERS]
    if differing:
        yield "<h2>What differs</h2>"
        for result in differing:
            yield from _differing(result)
    for page, results in report.pages.items():
        yield f"<h2><code>{escape(page)}</code></h2>"
        yield from _table(results)
    yield from _where(report)
    yield "</body>\n</html>"


def _counts(report: Report) -> Iterator[str]:
    counted = count(report.results)
    yield '<ul class="counts">'
    for verdict in Verdict:
        word = escape(verdict.value)
        yield f'<li class="{verdict.key}"><b>{counted[verdict]}</b> {word}</li>'
    yield "</ul>"


def _differing(result: Result) -> Iterator[str]:
    yield '<section class="difference">'
    yield f"<h3><code>{escape(result.name)}</code></h3>"
    if result.sentence:
        yield f"<p>{_sentence(result)}</p>"
    for failure in result.failures:
        yield from _failure(result.page, failure)
    yield "</section>"


def _failure(page: str, failure: Failure) -> Iterator[str]:
    message = escape(failure.message)
    yield f"<p><code>{escape(page)}:{failure.line}</code>: {message}</p>"
    if failure.excerpt:
        yield _pre(
            f"{'>' if number == failure.line else ' '} {line}"
            for number, line in enumerate(failure.excerpt, failure.first)
        )
    if failure.expected or failure.seen:
        yield '<table class="sides"><tr><th>expected</th><th>seen</th></tr>'
        for row in side_by_side(failure.expected, failure.seen):
            changed = "" if row.same else ' class="changed"'
            cells = (escape(cell or "") for cell in row)
            yield f"<tr{changed}><td>{'</td><td>'.join(cells)}</td></tr>"
        yield "</table>"
    elif failure.details:
        yield _pre(failure.details)


def _table(results: Iterable[Result]) -> Iterator[str]:
    yield "<table>"
    for result in results:
        verdict = result.verdict
        if result.kind != "rule" and verdict is Verdict.HOLDS:
            continue
        told = [_sentence(result)] if result.sentence else []
        if verdict is not Verdict.HOLDS:
            told.append(f"<br>{escape(result.reason)}" if told else escape(result.reason))
        yield (
            f'<tr><td class="{verdict.key}">{escape(verdict.value)}</td>'
            f"<td><code>{escape(result.name)}</code></td><td>{''.join(told)}</td></tr>"
        )
    yield "</table>"


def _sentence(result: Result) -> str:
    return escape(plain(result.sentence))


def _where(report: Report) -> Iterator[str]:
    yield "<h2>Where it ran</h2>\n<dl>"
    facts = {
        "engine": report.engine,
        "kernel": report.kernel or f"{report.release} (modelled)",
        "machine": report.machine,
        "date": report.date,
        "xdpspec": report.version,
        **report.tools,
    }
    for name, value in facts.items():
        if value:
            yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"


def _pre(lines: Iterable[str]) -> str:
    return f"<pre>{escape(chr(10).join(lines))}</pre>"
