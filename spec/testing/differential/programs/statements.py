# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a function is made of: statements, each kind as often as it has reason to be."""

from __future__ import annotations

from collections.abc import Callable

from spec.testing.differential.programs import arithmetic, branches, calls, memory, packets
from spec.testing.differential.programs.builder import Builder

PLAIN: dict[Callable[[Builder], None], int] = {
    arithmetic.compute: 30,
    arithmetic.move: 10,
    arithmetic.turn: 6,
    memory.load: 12,
    memory.store: 12,
    memory.spill: 4,
    memory.change_atomically: 8,
    memory.step_pointer: 3,
    memory.wander: 2,
    packets.check_packet: 4,
    packets.measure: 3,
    packets.access_metadata: 2,
    packets.access_anywhere: 3,
    packets.move_bounds: 3,
    packets.transfer: 4,
    packets.ask: 2,
    packets.sum_up: 3,
    calls.change_map: 9,
    calls.redirect: 3,
    calls.call_function: 4,
    calls.call_program: 1,
    calls.ask_node: 1,
    branches.give_up: 1,
}
NESTING: dict[Callable[[Builder, branches.Statements], None], int] = {
    branches.branch: 8,
    branches.loop: 2,
    calls.look_up: 8,
}
_PLAIN = [each for each, weight in PLAIN.items() for _ in range(weight)]
_NESTING = [each for each, weight in NESTING.items() for _ in range(weight)]
_SHARE = len(_NESTING) / (len(_PLAIN) + len(_NESTING))


def write(builder: Builder, count: int) -> None:
    """*count* statements, with whatever is inside of them."""
    for _ in range(count):
        is_deep = builder.depth >= branches.DEEPEST
        if not is_deep and builder.choices.chance(_SHARE):
            builder.choices.one_of(_NESTING)(builder, write)
        else:
            builder.choices.one_of(_PLAIN)(builder)
