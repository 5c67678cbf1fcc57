# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a conditional jump teaches: null or not, and how far the packet reaches.

Mirrors ``kernel/bpf/verifier.c: mark_ptr_or_null_regs, try_match_pkt_pointers``.
"""

from __future__ import annotations

from spec.machine.instruction import (
    JEQ,
    JGE,
    JGT,
    JLE,
    JLT,
    JMP,
    JNE,
    JSET,
    JSGE,
    JSGT,
    JSLE,
    JSLT,
    MASK64,
    Instruction,
    X,
)
from spec.machine.kinds import (
    ANYTHING,
    END,
    MAP,
    META,
    PACKET,
    RECORD,
    SCALAR,
    SOCKET,
    VALUE,
    Content,
    State,
)

_MIRRORED = {JGT: JLT, JLT: JGT, JGE: JLE, JLE: JGE}
_POINTERS = (MAP, VALUE, SOCKET, RECORD)
_SIGNED = {JSGT: JGT, JSGE: JGE, JSLT: JLT, JSLE: JLE}
_OPPOSITE = {JGT: JLE, JLE: JGT, JLT: JGE, JGE: JLT}


def narrow(
    instruction: Instruction, left: Content, right: Content, state: State, taken: bool
) -> None:
    """Enter into *state* what holds where the jump comparing *left* with *right* is *taken*."""
    _learn_numbers(instruction, left, right, state, taken)
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
    if operation not in (JLT, JLE):
        if pointer.kind == PACKET:
            _lose(pointer, state)
        return
    if pointer.offset is None:
        return
    # Strictly before the end means that one more byte is there.
    reach = pointer.offset + (operation == JLT)
    if pointer.kind == PACKET and limit.kind == END and state.packet is not None:
        state.packet = max(state.packet, reach)
    elif pointer.kind == META and limit == Content(PACKET, 0) and state.meta is not None:
        state.meta = max(state.meta, reach)


def _lose(pointer: Content, state: State) -> None:
    """Behind the end, the register that was compared is of no more use (``mark_pkt_end``).

    Nobody remembers which one it was, so that nothing is said of those that hold the same.
    """
    state.replace(pointer, ANYTHING)


def goes_either_way(instruction: Instruction, left: Content, right: Content) -> bool:
    """Whether the verifier surely looks at both ways of a jump (``is_branch_taken``)."""
    if left.kind == right.kind == SCALAR:
        return _numbers_go_either_way(instruction, left, right)
    if instruction.kind != JMP:
        return False
    if left.maybe_null is not None:
        return right == Content(SCALAR, 0) and instruction.operation in (JEQ, JNE)
    kinds = {left.kind, right.kind}
    return kinds in ({PACKET, END}, {META, PACKET}) and instruction.operation in _MIRRORED


def _numbers_go_either_way(instruction: Instruction, left: Content, right: Content) -> bool:
    width = 64 if instruction.kind == JMP else 32
    bits = min(left.bits, width)
    if not bits or instruction.opcode & X:
        return False
    operation, most = instruction.operation, (1 << bits) - 1
    assert right.offset is not None
    limit = right.offset & (1 << width) - 1
    if operation in _SIGNED:
        if bits == width:
            # Half a turn on, signed numbers are in the order of unsigned ones.
            limit ^= 1 << width - 1
        operation = _SIGNED[operation]
    if operation in (JEQ, JNE):
        return limit <= most
    if operation == JSET:
        return bool(limit & most)
    return limit < most if operation in (JGT, JLE) else 0 < limit <= most


def _learn_numbers(
    instruction: Instruction, left: Content, right: Content, state: State, taken: bool
) -> None:
    """The verifier knows more about a number now, unless one in the middle was ruled out."""
    numbers = [instruction.dst] + [instruction.src] * bool(instruction.opcode & X)
    if instruction.operation in (JEQ, JNE) and taken == (instruction.operation == JNE):
        most = (1 << min(left.bits, 64 if instruction.kind == JMP else 32)) - 1
        if right.offset is not None and 0 < right.offset & MASK64 < most:
            return
    for number in numbers:
        link(state, number)


def link(state: State, register: int) -> None:
    """What the verifier learns about another number may tell it something about *register*."""
    content = state.registers[register]
    if content.bits:
        state.registers[register] = content._replace(bits=0)
