# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Finds the C blocks of a page, nested ones too, whatever the markup they are written in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from sybil.parsers.markdown.lexers import FencedCodeBlockLexer
from sybil.parsers.rest.lexers import DirectiveLexer

from spec.testing.foreign.code import Code
from spec.testing.foreign.tree import ForeignPage
from spec.testing.markup import CODE, Directive, Text, directive_at, outside_code

TAB_SIZE = 8
"""Columns that reST makes of a tab character; structure only, C does not care."""

_DIRECTIVE_INFO = re.compile(rf"\{{{CODE}\}}\s*(\S*)")
_OTHER_DIRECTIVE = re.compile(r"\{[\w:-]+\}")
_PANDOC_INFO = re.compile(r"\{\s*\.(\w+)")
_OPTIONS = re.compile(r"(?:[ \t]*:[\w-]+:[^\n]*(?:\n|\Z))+")
_YAML_OPTIONS = re.compile(r"[ \t]*---\n(?:.*\n)*?[ \t]*---(?:\n|\Z)")
_COLON_FENCE = re.compile(rf"^[ \t]*:{{3,}}\{{{CODE}\}}[ \t]*[cC][ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class ForeignBlock:
    """A C block: ``line`` is where its markup begins, ``source_line`` its first line of C."""

    page: ForeignPage
    line: int
    source: str
    source_line: int
    hidden: bool = False
    """Its markup is one that can't be read here."""

    @cached_property
    def code(self) -> Code:
        return Code(self.source)

    @property
    def last_line(self) -> int:
        return self.source_line + self.source.count("\n")

    @property
    def name(self) -> str:
        """What it is about: its last function, else whatever it defines or declares last."""
        code = self.code
        return next(
            (names[-1] for names in (code.functions, code.defined, code.declared) if names), ""
        )


def c_blocks(page: ForeignPage) -> list[ForeignBlock]:
    """The C blocks of *page* in the order of its text."""
    text = Text(page.path, page.title, page.text.expandtabs(TAB_SIZE) + "\n")
    found = _markdown(text) if page.path.suffix == ".md" else _rest(text)
    blocks = [
        ForeignBlock(page, each.line, each.body, each.body_line)
        for each in outside_code(found)
        if each.kind == "code" and each.argument.lower() == "c"
    ]
    if page.path.suffix == ".md":
        for fence in _COLON_FENCE.finditer(text.text):
            line = text.line(fence.start())
            blocks.append(ForeignBlock(page, line, "", line + 1, hidden=True))
    return sorted(blocks, key=lambda block: block.line)


def _rest(text: Text) -> list[Directive]:
    return [directive_at(text, region) for region in DirectiveLexer(CODE)(text.document)]


def _markdown(text: Text) -> list[Directive]:
    lexer = FencedCodeBlockLexer(".*", {"language": "arguments", "source": "source"})
    fences = [directive_at(text, region) for region in lexer(text.document)]
    return sorted(map(_fence, fences), key=lambda fence: fence.start)


def _fence(fence: Directive) -> Directive:
    """*fence* with its language alone for an argument, and without options in its body."""
    info = fence.argument
    if directive := _DIRECTIVE_INFO.match(info):
        return _without_options(fence._replace(argument=directive[1]))
    if _OTHER_DIRECTIVE.match(info):  # a note and the like: what is in it counts
        return fence._replace(kind="container")
    if pandoc := _PANDOC_INFO.match(info):
        return fence._replace(argument=pandoc[1])
    return fence._replace(argument=re.split(r"[\s,{]", info, maxsplit=1)[0])


def _without_options(fence: Directive) -> Directive:
    options = _OPTIONS.match(fence.body) or _YAML_OPTIONS.match(fence.body)
    if not options:
        return fence
    rest = fence.body[options.end() :]
    body = rest.lstrip("\n")
    lines = options[0].count("\n") + len(rest) - len(body)
    return fence._replace(body=body, body_line=fence.body_line + lines)
