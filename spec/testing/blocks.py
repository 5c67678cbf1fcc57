# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a page consists of: labs, blocks, rules, and the statements that prove them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from spec.testing.markup import Prompt

Kind: TypeAlias = Literal["lab", "c", "sh", "rule"]


@dataclass
class Example:
    """A named thing on a page and the ``>>>`` statements that belong to it.

    ``line`` is the line of its directive. A ``lab`` has ``devices``; ``c`` and ``sh`` have
    ``source``, whose first line is ``source_line``; a ``rule`` has ``sentence``.
    """

    name: str
    kind: Kind
    line: int
    text: str
    """All that a reader sees of it but its statements; part of the digest."""

    source: str = ""
    source_line: int = 0
    user: bool = False
    object: str = ""
    after: tuple[str, ...] = ()
    uapi: str = ""

    devices: tuple[str, ...] = ()
    """As written: ``eth0`` for a tap, ``veth0--veth1`` for a pair."""

    sentence: str = ""
    since: str = ""
    until: str = ""
    needs: str = ""
    kernel_source: str = ""

    statements: list[Prompt] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that change when the example's text or its statements do."""
        parts = [self.text, *(s.source + s.want for s in self.statements)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def last_source_line(self) -> int:
        return self.source_line + self.source.count("\n")


@dataclass(frozen=True)
class Step:
    """One thing that running a page does: reach an example, or run one of its statements."""

    example: Example
    statement: Prompt | None
    position: int


@dataclass(frozen=True)
class Page:
    """A page as a program: its examples, and the steps to run in the order of the text."""

    path: Path
    root: Path
    title: str
    """The path below ``root``, with ``/``: what messages, evidence and ``#line`` call the page."""
    text: str
    examples: tuple[Example, ...]
    steps: tuple[Step, ...]

    @property
    def stem(self) -> str:
        return self.path.stem

    @property
    def labs(self) -> tuple[Example, ...]:
        return tuple(e for e in self.examples if e.kind == "lab")

    def example(self, name: str) -> Example:
        """The example called *name*; ``KeyError`` if there is none."""
        for example in self.examples:
            if example.name == name:
                return example
        raise KeyError(name)

    @property
    def bpf_blocks(self) -> tuple[Example, ...]:
        """The blocks of the page's own BPF object."""
        return tuple(e for e in self._c_blocks() if not (e.user or e.object))

    @property
    def user_blocks(self) -> tuple[Example, ...]:
        """The blocks of the page's user-space file."""
        return tuple(e for e in self._c_blocks() if e.user)

    @property
    def objects(self) -> Mapping[str, tuple[Example, ...]]:
        """The blocks of each separate object, with those they come after, by the object's name."""
        found: dict[str, list[Example]] = {}
        for example in self._c_blocks():
            if example.object:
                blocks = found.setdefault(example.object, [])
                before = (self.example(name) for name in example.after)
                blocks += [block for block in before if block not in blocks]
                blocks.append(example)
        return {name: tuple(blocks) for name, blocks in found.items()}

    def bpf_source(self, lines: bool = False) -> str:
        """The page's BPF file; with *lines*, ``#line`` makes the compiler quote the page."""
        return self._join(self.bpf_blocks, lines)

    def user_source(self, lines: bool = False) -> str:
        """The page's user-space file."""
        return self._join(self.user_blocks, lines)

    def object_source(self, name: str, lines: bool = False) -> str:
        """The file of the separate object *name*."""
        return self._join(self.objects[name], lines)

    def block_at(self, line: int) -> Example | None:
        """The C block that owns *line*."""
        for example in self._c_blocks():
            if example.source_line <= line <= example.last_source_line:
                return example
        return None

    def _c_blocks(self) -> tuple[Example, ...]:
        return tuple(e for e in self.examples if e.kind == "c" and not e.uapi)

    def _join(self, blocks: tuple[Example, ...], lines: bool) -> str:
        if lines:
            return "".join(
                f'#line {block.source_line} "{self.title}"\n{block.source}\n' for block in blocks
            )
        return "\n\n".join(block.source for block in blocks) + "\n" if blocks else ""
