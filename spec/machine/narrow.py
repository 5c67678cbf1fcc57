# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a conditional jump teaches: null or not, and how far the packet reaches.

Mirrors ``kernel/bpf/verifier.c: mark_ptr_or_null_regs, try_match_pkt_pointers``.
"""

from __future__ import annotations

from spec.machine.instruction import JEQ, JGE, JGT, JLE, JLT, JMP, JNE, Instruction
from spec.machine.kinds import END, MAP, META, PACKET, RECORD, SCALAR, SOCKET, VALUE, Content, State

_MIRRORED = {JGT: JLT, JLT: JGT, JGE: JLE, JLE: JGE}
_POINTERS = (MAP, VALUE, SOCKET, RECORD)
_OPPOSITE = {JGT: JLE, JLE: JGT, JLT: JGE, JGE: JLT}


def narrow(
    instruction: Instruction, left: Content, right: Content, state: State, taken: bool
) -> None:
    """Enter into *state* what holds where the jump comparing *left* with *right* is *taken*."""
    if instruction.kind != JMP:
        return
    operation = instruction.operation
    if operation in (JEQ, JNE):
        if taken == (operation == JEQ):
            _share(left, right, state)
            _share(right, left, state)
        if right.kind == SCALAR and right.offset == 0 and left.maybe_null is not None:
            is_null = taken == (operation == JEQ)
            known = Content(SCALAR, 0) if is_null else left._replace(maybe_null=None)
            state.replace(left, known)
        return
    if operation not in _MIRRORED:
        return
    if not taken:
        operation = _OPPOSITE[operation]
    if (left.kind, right.kind) in ((END, PACKET), (PACKET, META)):
        left, right, operation = right, left, _MIRRORED[operation]
    _bound(left, right, operation, state)


def _share(left: Content, right: Content, state: State) -> None:
    """What equals a pointer that is not null is not null either."""
    if left.maybe_null is not None and right.maybe_null is None and right.kind in _POINTERS:
        state.replace(left, left._replace(maybe_null=None))


def _bound(pointer: Content, limit: Content, operation: int, state: State) -> None:
    """``pointer <operation> limit`` holds: the bytes before *pointer* exist."""
    if operation not in (JLT, JLE) or pointer.offset is None:
        return
    # Strictly before the end means that one more byte is there.
    reach = pointer.offset + (operation == JLT)
    if pointer.kind == PACKET and limit.kind == END and state.packet is not None:
        state.packet = max(state.packet, reach)
    elif pointer.kind == META and limit == Content(PACKET, 0) and state.meta is not None:
        state.meta = max(state.meta, reach)
