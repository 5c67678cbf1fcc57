# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Finds directives, code blocks and ``>>>`` statements in the text of a page, reST or MyST.

The lexers are Sybil's. They are regular expressions, so whatever would escape them without a
word (a block in a list cell, an option on two lines, a colon fence) is an error here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from doctest import DocTestParser
from doctest import Example as DoctestExample
from pathlib import Path
from typing import NamedTuple

from sybil import Document, Region
from sybil.parsers.abstract.lexers import LexingException
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer
from sybil.parsers.myst.lexers import DirectiveLexer as MystDirectiveLexer
from sybil.parsers.rest.lexers import DirectiveLexer as RestDirectiveLexer

from spec.errors import InputError

CODE = r"(?:sourcecode|code-block|code)"
DIRECTIVES = rf"(?:lab|rule|{CODE})"


class Directive(NamedTuple):
    """One directive: ``kind`` is ``lab``, ``rule`` or ``code``; ``start``/``end`` are positions."""

    kind: str
    argument: str
    options: dict[str, str]
    body: str
    line: int
    body_line: int
    start: int
    end: int


class Prompt(NamedTuple):
    """One ``>>>`` statement with its expected output; ``want_line`` is the output's first line."""

    source: str
    want: str
    exception: str | None
    line: int
    start: int

    @property
    def want_line(self) -> int:
        return self.line + self.source.count("\n")


class Markup(NamedTuple):
    directives: list[Directive]
    prompts: list[Prompt]


class Text:
    """A page's text, the name it is called by in messages, and its positions as lines."""

    def __init__(self, path: Path, title: str, text: str | None = None) -> None:
        self.title = title
        text = path.read_text(encoding="utf-8") if text is None else text
        self.document = Document(text, str(path))
        self.text = self.document.text

    def line(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1

    def error(self, line: int, problem: str, remedy: str) -> InputError:
        return InputError(f"{self.title}:{line}", problem, remedy)


def lex(page: Text) -> Markup:
    """Everything on *page* that this project gives a meaning to, in the order of the text."""
    if "\t" in page.text:
        line = page.line(page.text.index("\t"))
        raise page.error(line, "tab character", "indent with spaces")
    try:
        return _lex_myst(page) if page.document.path.endswith(".md") else _lex_rest(page)
    except LexingException as problem:
        raise page.error(1, str(problem).splitlines()[0], "close the block") from None


# ReStructuredText.


def _lex_rest(page: Text) -> Markup:
    found = [directive_at(page, region) for region in RestDirectiveLexer(DIRECTIVES)(page.document)]
    directives = outside_code(found)
    for directive in directives:
        _check_option_lines(page, directive)
    # `.. code-block::` in a list cell, after a field name and the like
    pattern = re.compile(rf"\.\.[ \t]+({DIRECTIVES})::")
    _check_all_seen(page, pattern, found, "give the directive a line of its own")
    return Markup(directives, list(_prompts(page, page.text, 0, directives)))


def _check_option_lines(page: Text, directive: Directive) -> None:
    head = page.text[directive.start :].split("\n")
    after = 1 + len(directive.options)
    indent = len(head[0]) - len(head[0].lstrip())
    if directive.body.strip() and after < len(head) and head[after].strip():
        text = head[after]
        if len(text) - len(text.lstrip()) > indent:
            line = directive.line + after
            problem = f"{text.strip()!r} directly below the directive or its options"
            raise page.error(line, problem, "write each option on one line and leave a blank line")


# MyST.


def _lex_myst(page: Text) -> Markup:
    found = [directive_at(page, r) for r in MystDirectiveLexer(DIRECTIVES)(page.document)]
    for region in FencedCodeBlockLexer(r"[^{\n].*", {"language": "arguments", "source": "source"})(
        page.document
    ):
        found.append(directive_at(page, region))
    found.sort(key=lambda directive: directive.start)
    for directive in found:
        _check_closed(page, directive)
    pattern = re.compile(rf"^[ \t]*:{{3,}}\{{({DIRECTIVES})\}}", re.MULTILINE)
    _check_all_seen(page, pattern, found, "fence it with backticks")
    directives = outside_code(found)
    prompts: list[Prompt] = []
    for directive in directives:
        if directive.kind == "code" and directive.argument == "pycon":
            start = page.text.index(">>>", directive.start) if ">>>" in directive.body else 0
            if not start:
                raise page.error(directive.line, "no >>> in a pycon block", "use another language")
            end = page.text.rindex("\n", 0, len(page.text[: directive.end].rstrip())) + 1
            prompts += _prompts(page, page.text[:end], directive.start, ())
    inside = [(d.start, d.end) for d in found if d.kind == "code"]
    for stray in re.finditer(r"^[ \t]*>>> ", page.text, re.MULTILINE):
        if not any(start <= stray.start() < end for start, end in inside):
            raise page.error(page.line(stray.start()), ">>> outside a fence", "use a pycon fence")
    kept = [d for d in directives if (d.kind, d.argument) != ("code", "pycon")]
    return Markup(kept, prompts)


def _check_closed(page: Text, directive: Directive) -> None:
    text = page.text[directive.start : directive.end].rstrip("\n")
    opening, _, rest = text.partition("\n")
    fence = re.match(r"[ \t>*+\-\d.)]*?(`{3,}|~{3,})", opening)
    last = rest.rpartition("\n")[2].strip(" \t>")
    if fence is None or set(last) != {fence[1][0]} or len(last) < len(fence[1]):
        raise page.error(directive.line, "unclosed fence", "close it with as many backticks")


# Both.


def directive_at(page: Text, region: Region) -> Directive:
    """What a lexer of Sybil's found, with its true lines."""
    lexemes = region.lexemes
    source = lexemes["source"]
    options = {str(k): str(v).strip() for k, v in lexemes.get("options", {}).items()}
    name = lexemes.get("directive", "code")
    # Counted here: sybil's own line offset is 0 for MyST, and leading blank lines are not source.
    position = region.start + source.offset
    blank = len(source) - len(source.lstrip("\n"))
    indent = len(page.text[region.start :]) - len(page.text[region.start :].lstrip(" "))
    return Directive(
        kind=name if name in ("lab", "rule") else "code",
        argument=(lexemes["arguments"] or "").strip(),
        options=options,
        body=str(source).strip("\n"),
        line=page.line(region.start + indent),
        body_line=page.line(position) + blank,
        start=region.start,
        end=region.end,
    )


def outside_code(directives: Iterable[Directive]) -> list[Directive]:
    """Without what stands inside a code block: a page may show our markup, or another language."""
    kept: list[Directive] = []
    end = 0
    for directive in directives:
        if directive.start < end:
            continue
        kept.append(directive)
        if directive.kind == "code":
            end = directive.end
    return kept


def _check_all_seen(
    page: Text, pattern: re.Pattern[str], found: Iterable[Directive], remedy: str
) -> None:
    seen = {directive.line for directive in found}
    shown = [(d.start, d.end) for d in found if d.kind == "code"]
    for match in pattern.finditer(page.text):
        line = page.line(match.start())
        inside = any(start < match.start() < end for start, end in shown)
        if line not in seen and not inside:
            raise page.error(line, f"this {match[1]!r} directive would not be run", remedy)


def _prompts(
    page: Text, text: str, begin: int, directives: Iterable[Directive]
) -> Iterator[Prompt]:
    """The statements in *text* from position *begin* on that stand in no code block."""
    code = [(d.start, d.end) for d in directives if d.kind == "code"]
    parser = DocTestParser()
    pattern: re.Pattern[str] = parser._EXAMPLE_RE  # type: ignore[attr-defined]
    for match in pattern.finditer(text, begin):
        start = match.start("source")
        if any(first <= start < end for first, end in code):
            continue
        line = page.line(start)
        try:
            parsed = parser.parse(match[0], page.title)
        except ValueError as problem:
            what = re.sub(r"^line \d+ of the docstring for \S+ ", "", str(problem))
            raise page.error(line, what, "indent the statement and its output alike") from None
        for example in parsed:  # none for a comment
            if isinstance(example, DoctestExample):
                yield Prompt(example.source, example.want, example.exc_msg, line, start)
