# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The control flow of one function: basic blocks, which dominates which, where loops begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from spec.machine.instruction import (
    CALL_OPCODE,
    EXIT_OPCODE,
    GOTO,
    GOTO_LONG,
    JMP,
    JMP32,
    LOAD_IMMEDIATE,
    Instruction,
    jump_target,
)


class Block(NamedTuple):
    """Instructions ``start`` to ``last`` that run one after the other.

    ``successors`` is empty after an exit; of a conditional jump it has the next instruction and
    the target, which may be the same.
    """

    start: int
    last: int
    successors: tuple[int, ...]


class Graph:
    """The blocks of the function at *start*, by index of their first instruction."""

    def __init__(self, code: Sequence[Instruction], start: int) -> None:
        self.start = start
        self.blocks = _blocks(code, start)
        self.order = self._reverse_postorder()
        self.rank = {block: number for number, block in enumerate(self.order)}
        self.predecessors: dict[int, list[int]] = {block: [] for block in self.order}
        for block in self.order:
            for successor in self.blocks[block].successors:
                self.predecessors[successor].append(block)
        self.dominator = self._dominators()

    def is_back(self, source: int, target: int) -> bool:
        """Whether the edge leads to a block that was visited before."""
        return self.rank[target] <= self.rank[source]

    @property
    def reducible(self) -> bool:
        """Whether every loop is entered only at its head."""
        return all(
            self.dominates(target, block)
            for block in self.order
            for target in self.blocks[block].successors
            if self.is_back(block, target)
        )

    def dominates(self, upper: int, lower: int) -> bool:
        """Whether every way to *lower* passes *upper*."""
        while self.rank[lower] > self.rank[upper]:
            lower = self.dominator[lower]
        return lower == upper

    def is_loop(self, block: int) -> bool:
        return any(self.is_back(each, block) for each in self.predecessors[block])

    def is_merge(self, block: int) -> bool:
        """Whether more than one edge from before leads to *block*."""
        return sum(not self.is_back(each, block) for each in self.predecessors[block]) > 1

    def _reverse_postorder(self) -> list[int]:
        done: set[int] = set()
        order: list[int] = []
        stack = [(self.start, iter(self.blocks[self.start].successors))]
        done.add(self.start)
        while stack:
            block, successors = stack[-1]
            for successor in successors:
                if successor not in done:
                    done.add(successor)
                    stack.append((successor, iter(self.blocks[successor].successors)))
                    break
            else:
                order.append(block)
                stack.pop()
        return order[::-1]

    def _dominators(self) -> dict[int, int]:
        """Immediate dominators, found as Cooper, Harvey and Kennedy do."""
        dominator = {self.start: self.start}
        changed = True
        while changed:
            changed = False
            for block in self.order[1:]:
                known = [each for each in self.predecessors[block] if each in dominator]
                found = known[0]
                for other in known[1:]:
                    found = self._common(dominator, found, other)
                if dominator.get(block) != found:
                    dominator[block] = found
                    changed = True
        return dominator

    def _common(self, dominator: dict[int, int], left: int, right: int) -> int:
        while left != right:
            if self.rank[left] > self.rank[right]:
                left = dominator[left]
            else:
                right = dominator[right]
        return left


def _blocks(code: Sequence[Instruction], start: int) -> dict[int, Block]:
    """Only what can be reached from *start*."""
    leaders, reached, todo = {start}, set[int](), [start]
    while todo:
        index = todo.pop()
        if index in reached:
            continue
        reached.add(index)
        following = _following(code, index)
        if _ends(code[index]):
            leaders.update(following)
        todo += following
    blocks = {}
    for leader in leaders:
        index = leader
        while True:
            following = _following(code, index)
            if _ends(code[index]) or following[0] in leaders:
                break
            index = following[0]
        blocks[leader] = Block(leader, index, following)
    return blocks


def _width(instruction: Instruction) -> int:
    return 2 if instruction.opcode == LOAD_IMMEDIATE else 1


def _ends(instruction: Instruction) -> bool:
    return instruction.kind in (JMP, JMP32) and instruction.opcode != CALL_OPCODE


def _following(code: Sequence[Instruction], index: int) -> tuple[int, ...]:
    instruction = code[index]
    if instruction.opcode == EXIT_OPCODE:
        return ()
    if instruction.opcode in (GOTO, GOTO_LONG):
        return (jump_target(index, instruction),)
    if _ends(instruction):
        return index + 1, jump_target(index, instruction)
    return (index + _width(instruction),)
