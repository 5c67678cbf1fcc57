# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes the blocks of a function as nested Python, or as a dispatch loop where that can't be.

Nested: a loop becomes ``while True``; so does what precedes a block where several ways meet, which
they reach by ``break``. A jump across more than one of these says in ``to`` where it goes. Every
sequence of statements ends in ``return``, ``break`` or ``continue``: control never falls out of
one by accident. After N. Ramsey, "Beyond Relooper" (2022).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from spec.machine.graph import Graph

MAX_LOOPS = 18
"""CPython allows 20 loops within each other."""

MAX_INDENT = 80
"""CPython allows 100 levels of indentation."""

SMALL = 3
"""Instructions in a last block that is rather repeated than jumped to."""


class TooDeep(Exception):  # noqa: N818 - not an error: another shape is taken
    """The nested shape would break a limit of CPython."""


class Text(Protocol):
    """Writes what is inside of blocks; *indent* counts levels."""

    def statements(self, block: int, indent: int) -> None:
        """The instructions of *block*, without the jump at its end."""

    def leave(self, block: int, indent: int) -> None:
        """The exit at the end of *block*."""

    def account(self, length: int, indent: int) -> None:
        """Note that *length* instructions were executed."""

    def check(self, block: int, indent: int) -> None:
        """Stop if the budget is used up: control goes backwards from *block*."""

    def condition(self, block: int, inverse: bool) -> str: ...

    def line(self, indent: int, text: str, block: int) -> None:
        """Any other statement, on behalf of the last instruction of *block*."""

    def length(self, block: int) -> int:
        """Instructions in *block*."""


class Enclosing(NamedTuple):
    """A ``while`` around the current place: what its end or its beginning stands for."""

    block: int
    is_loop: bool
    passing: set[int]

    @property
    def word(self) -> str:
        return "continue" if self.is_loop else "break"


Around = tuple[Enclosing, ...]

Following = tuple[int, int] | None
"""The block to write next and how many instructions before it are not accounted for yet."""


class Nested:
    """The nested shape."""

    def __init__(self, graph: Graph, text: Text) -> None:
        self.graph, self.text = graph, text
        if not graph.reducible:
            raise TooDeep
        self.merges: dict[int, list[int]] = {}
        for block in graph.order:
            if graph.is_merge(block) and not self._is_small(block):
                self.merges.setdefault(graph.dominator[block], []).append(block)

    def write(self) -> None:
        self.text.line(1, "to = 0", self.graph.start)
        self._follow((self.graph.start, 0), 1, ())

    def _is_small(self, block: int) -> bool:
        last = not self.graph.blocks[block].successors
        return last and not self.graph.is_loop(block) and self.text.length(block) <= SMALL

    def _follow(self, following: Following, indent: int, around: Around) -> None:
        """Write a block, all it dominates, and what goes on from there at this level."""
        if len(around) > MAX_LOOPS or indent > MAX_INDENT:
            raise TooDeep
        while following is not None:
            block, done = following
            if not self.graph.is_loop(block):
                following = self._before_merges(block, self._merges(block), indent, around, done)
                continue
            self.text.account(done, indent)
            loop = Enclosing(block, True, set())
            self.text.line(indent, "while True:", block)
            inside = (*around, loop)
            body = self._before_merges(block, self._merges(block), indent + 1, inside, 0)
            self._follow(body, indent + 1, inside)
            self._pass_on(loop, indent, around)
            following = None

    def _merges(self, block: int) -> list[int]:
        return sorted(self.merges.get(block, ()), key=self.graph.rank.__getitem__)

    def _before_merges(
        self, block: int, merges: list[int], indent: int, around: Around, done: int
    ) -> Following:
        if not merges:
            return self._content(block, indent, around, done)
        *others, last = merges
        if len(around) >= MAX_LOOPS:
            raise TooDeep
        ahead = Enclosing(last, False, set())
        self.text.line(indent, "while True:", block)
        inside = (*around, ahead)
        body = self._before_merges(block, others, indent + 1, inside, done)
        self._follow(body, indent + 1, inside)
        self._pass_on(ahead, indent, around)
        return last, 0

    def _pass_on(self, inner: Enclosing, indent: int, around: tuple[Enclosing, ...]) -> None:
        """After a ``while``: go on with jumps that wanted to go farther than its end."""
        if not inner.passing:
            return
        outer = around[-1]
        if outer.block in inner.passing:
            self.text.line(indent, f"if to == {_label(outer.block)}:", inner.block)
            self.text.line(indent + 1, "to = 0", inner.block)
            self.text.line(indent + 1, outer.word, inner.block)
        if inner.passing - {outer.block}:
            self.text.line(indent, "if to:", inner.block)
            self.text.line(indent + 1, "break", inner.block)

    def _content(self, block: int, indent: int, around: Around, done: int) -> Following:
        self.text.statements(block, indent)
        done += self.text.length(block)
        successors = self.graph.blocks[block].successors
        if not successors:
            self.text.account(done, indent)
            self.text.leave(block, indent)
            return None
        if len(successors) == 1:
            return self._jump(block, successors[0], indent, around, done)
        following, target = successors
        # The side that is only a jump goes into the `if`, the other stays at this level.
        inverse = self._is_inline(target) and not self._is_inline(following)
        inside, after = (following, target) if inverse else (target, following)
        self.text.line(indent, f"if {self.text.condition(block, inverse)}:", block)
        side = self._jump(block, inside, indent + 1, around, done)
        self._follow(side, indent + 1, around)
        return self._jump(block, after, indent, around, done)

    def _is_inline(self, target: int) -> bool:
        return not self.graph.is_merge(target) and not self._is_small(target)

    def _jump(self, block: int, target: int, indent: int, around: Around, done: int) -> Following:
        """Jump to *target*, or give it back to be written right here."""
        is_back = self.graph.is_back(block, target)
        is_here = not is_back and (not self.graph.is_merge(target) or self._is_small(target))
        is_backward = target <= self.graph.blocks[block].last
        if is_here and not is_backward:
            return target, done
        self.text.account(done, indent)
        if is_backward:
            self.text.check(block, indent)
        if is_here:
            return target, 0
        distance = next(
            number
            for number, each in enumerate(reversed(around))
            if each.block == target and each.is_loop == is_back
        )
        if distance == 0:
            self.text.line(indent, around[-1].word, block)
            return None
        for each in around[len(around) - distance :]:
            each.passing.add(target)
        self.text.line(indent, f"to = {_label(target)}", block)
        self.text.line(indent, "break", block)
        return None


class Dispatch:
    """A loop that jumps to the block whose number is in ``to``."""

    def __init__(self, graph: Graph, text: Text) -> None:
        self.graph, self.text = graph, text
        self.order = sorted(graph.blocks)
        self.number = {block: number for number, block in enumerate(self.order)}

    def write(self) -> None:
        start = self.graph.start
        self.text.line(1, f"to = {self.number[start]}", start)
        self.text.line(1, "while True:", start)
        self._choose(0, len(self.order), 2)

    def _choose(self, low: int, high: int, indent: int) -> None:
        if high - low == 1:
            self._content(self.order[low], indent)
            return
        middle = (low + high) // 2
        self.text.line(indent, f"if to < {middle}:", self.graph.start)
        self._choose(low, middle, indent + 1)
        self.text.line(indent, "else:", self.graph.start)
        self._choose(middle, high, indent + 1)

    def _content(self, block: int, indent: int) -> None:
        self.text.statements(block, indent)
        self.text.account(self.text.length(block), indent)
        successors = self.graph.blocks[block].successors
        if not successors:
            self.text.leave(block, indent)
        elif len(successors) == 2:
            self.text.line(indent, f"if {self.text.condition(block, False)}:", block)
            self._jump(block, successors[1], indent + 1)
            self._jump(block, successors[0], indent)
        else:
            self._jump(block, successors[0], indent)

    def _jump(self, block: int, target: int, indent: int) -> None:
        if target <= self.graph.blocks[block].last:
            self.text.check(block, indent)
        self.text.line(indent, f"to = {self.number[target]}", block)
        self.text.line(indent, "continue", block)


def _label(block: int) -> int:
    return block + 1
