# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""C as far as it can be told apart without a compiler: tokens, and what stands at file level."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<comment>/\*.*?(?:\*/|\Z)|//[^\n]*)
    | (?P<directive>^[ \t]*\#(?:[^\n\\]|\\.)*)
    | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    | (?P<word>[A-Za-z_]\w*)
    | (?P<number>\.?\d[\w.]*)
    | (?P<dots>\.\.\.|…)
    | (?P<mark>\S)
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_INCLUDE = re.compile(r'\#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]')
_DEFINE = re.compile(r"\#[ \t]*define[ \t]+(\w+)")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_AGGREGATES = ("struct", "union", "enum")
_CONTROL = ("if", "else", "for", "while", "do", "switch", "case", "default", "return", "goto")
_AFTER_A_TERM = frozenset("=.-[+|&^/%<>")
"""What follows a name at the beginning of an expression, but never a type."""
_AFTER_A_NAME = ("[", "SEC", "__attribute__", ";", ",")
_FILE_LEVEL_CALLS = re.compile(r"[A-Z_][A-Z0-9_]*|_?[sS]tatic_assert|module_\w+|asm")


class Token(NamedTuple):
    kind: str
    text: str


@dataclass
class Item:
    """One thing at file level: up to its semicolon, or to the end of its body."""

    tokens: list[Token] = field(default_factory=list)
    """Those outside all braces, and the braces themselves."""
    ended: bool = False
    has_body: bool = False
    """A block in braces that follows a closing parenthesis: a function's, or a statement's."""

    @property
    def texts(self) -> list[str]:
        return [token.text for token in self.tokens]

    @property
    def is_statement(self) -> bool:
        """Something that only a function can contain."""
        first, *rest = self.tokens
        if first.text in _CONTROL or first.text in "*(+-":
            return True
        if first.kind != "word" or not rest:
            return True
        if rest[0].text in _AFTER_A_TERM:
            return True
        if rest[0].text != "(" or self.has_body:
            return False
        return self._after_parentheses(1) in ("", ";") and not _FILE_LEVEL_CALLS.fullmatch(
            first.text
        )

    @property
    def is_prototype(self) -> bool:
        """A function's name and parameters, without a body."""
        texts = self.texts
        if self.has_body or "(" not in texts or "=" in texts or texts[0] == "typedef":
            return False
        place = texts.index("(")
        if place < 2 or self.tokens[place - 1].kind != "word" or "{" in texts:
            return False
        return self._after_parentheses(place) in ("", ";")

    @property
    def names(self) -> Iterator[str]:
        """What it defines: a function, a tag, a type, variables."""
        texts = self.texts
        for place, token in enumerate(self.tokens[:-1]):
            if token.text in _AGGREGATES and "{" in texts[place + 2 : place + 3]:
                yield texts[place + 1]
        if self.has_body:
            yield from self._function()
        elif "=" in texts:
            yield from self._word_before(texts.index("="))
        elif "}" in texts:  # the variable comes after the members
            yield from self._first_word(texts.index("}") + 1)
        elif not self.is_prototype:
            yield from self._variable()

    @property
    def declared(self) -> str:
        """The function that it is the prototype of; empty if it is none."""
        return self.texts[self.texts.index("(") - 1] if self.is_prototype else ""

    def _after_parentheses(self, opening: int) -> str:
        depth = 0
        for place, text in enumerate(self.texts[opening:], opening):
            depth += (text == "(") - (text == ")")
            if depth == 0:
                return self.texts[place + 1] if place + 1 < len(self.tokens) else ""
        return "("

    def _first_word(self, place: int) -> Iterator[str]:
        for token in self.tokens[place : place + 1]:
            if token.kind == "word":
                yield token.text

    def _function(self) -> Iterator[str]:
        """The name before the parameters: of the last parentheses, but within BPF_PROG() & co."""
        texts = self.texts
        depth, opening = 0, 0
        for place, text in enumerate(texts):
            if text == "(" and depth == 0:
                opening = place
            depth += (text == "(") - (text == ")")
        name = texts[opening - 1] if opening else ""
        yield texts[opening + 1] if name.startswith("BPF_") and opening + 1 < len(texts) else name

    def _word_before(self, place: int) -> Iterator[str]:
        depth = 0
        for token in reversed(self.tokens[:place]):
            depth += (token.text in ")]") - (token.text in "([")
            if token.kind == "word" and depth == 0 and token.text != "SEC":
                yield token.text
                return

    def _variable(self) -> Iterator[str]:
        texts = self.texts
        end = next((n for n, text in enumerate(texts) if text in _AFTER_A_NAME), 0)
        if end > 1 and self.tokens[end - 1].kind == "word":
            yield texts[end - 1]


class Code:
    """The C of one block."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = [
            Token(found.lastgroup or "", found[0])
            for found in _TOKEN.finditer(source)
            if found.lastgroup != "comment"
        ]

    @cached_property
    def includes(self) -> tuple[str, ...]:
        """The headers it includes."""
        found = (_INCLUDE.search(t.text) for t in self.tokens if t.kind == "directive")
        return tuple(match[1].strip() for match in found if match)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every identifier it uses, macros' definitions included."""
        inside = (re.findall(r"\b[A-Za-z_]\w*", t.text) for t in self._macros())
        return frozenset(
            [t.text for t in self.tokens if t.kind == "word"] + [w for ws in inside for w in ws]
        )

    @cached_property
    def calls(self) -> frozenset[str]:
        """Names that are followed by an opening parenthesis."""
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        return frozenset(a.text for a, b in pairs if a.kind == "word" and b.text == "(")

    @cached_property
    def items(self) -> list[Item]:
        """What stands at file level."""
        return list(self._items())

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """The functions it defines."""
        whole = (i for i in self.items if i.has_body and not i.is_statement)
        return tuple(name for item in whole for name in item.names if name)

    @cached_property
    def defined(self) -> tuple[str, ...]:
        """Everything it defines at file level, in its order."""
        macros = (_DEFINE.search(token.text) for token in self._macros())
        names = [match[1] for match in macros if match]
        for item in self.items:
            if not item.is_statement:
                names += [name for name in item.names if name]
        return tuple(names)

    @cached_property
    def declared(self) -> tuple[str, ...]:
        """The functions that it declares without a body."""
        return tuple(item.declared for item in self.items if item.declared)

    @property
    def is_empty(self) -> bool:
        return not self.tokens

    @cached_property
    def is_balanced(self) -> bool:
        """Whether every brace, bracket and parenthesis has its partner."""
        expected: list[str] = []
        for token in self.tokens:
            if token.text in _CLOSING:
                expected.append(_CLOSING[token.text])
            elif token.text in _CLOSING.values() and (not expected or expected.pop() != token.text):
                return False
        return not expected

    @cached_property
    def leaves_out(self) -> bool:
        """Whether dots stand where code should: not those of a variadic function, or a range."""
        around: list[str] = []
        for token in self.tokens:
            if token.text in _CLOSING:
                around.append(token.text)
            elif token.text in _CLOSING.values() and around:
                around.pop()
            elif token.kind == "dots":
                variadic = around[-1:] == ["("] and "{" not in around
                if not (variadic or around[-1:] == ["["]) or token.text != "...":
                    return True
        return False

    def _macros(self) -> Iterator[Token]:
        return (t for t in self.tokens if t.kind == "directive" and "include" not in t.text)

    def _items(self) -> Iterator[Item]:
        item, braces, parentheses = Item(), 0, 0
        for token in self.tokens:
            if token.kind == "directive":
                continue
            text = token.text
            if text == "{" and braces == 0 and parentheses == 0:
                item.has_body = bool(item.tokens) and item.tokens[-1].text in (")", "else", "do")
            if braces == 0 or (text == "}" and braces == 1):
                item.tokens.append(token)
            braces += (text == "{") - (text == "}")
            parentheses += (text == "(") - (text == ")") if braces == 0 else 0
            over = text == ";" or (text == "}" and item.has_body)
            if over and braces <= 0 and parentheses <= 0:
                item.ended = True
                if item.texts != [";"]:
                    yield item
                item, braces, parentheses = Item(), 0, 0
        if item.tokens:
            yield item
