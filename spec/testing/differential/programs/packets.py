# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Statements about the packet: bounds checks, access behind them, helpers that move its bounds."""

from __future__ import annotations

from spec.machine.instruction import (
    ADD,
    ALU64,
    AND,
    ARSH,
    JGE,
    JGT,
    JLE,
    JLT,
    JMP,
    LDX,
    LSH,
    MEM,
    NEG,
    STX,
    SUB,
    B,
    W,
    X,
)
from spec.testing.differential.programs.branches import go, leave
from spec.testing.differential.programs.builder import Builder
from spec.testing.differential.programs.known import (
    A_NUMBER,
    CALLER,
    END,
    PACKET,
    VALUE,
    Content,
)

DATA, DATA_END, DATA_META, INGRESS, QUEUE = 0, 4, 8, 12, 16
CSUM_DIFF, ADJUST_HEAD, ADJUST_META, ADJUST_TAIL = 28, 44, 54, 65
CHECK_MTU, BUFF_LEN, LOAD_BYTES, STORE_BYTES = 163, 188, 189, 190


def _pick(builder: Builder, *avoid: int) -> int | None:
    found = [n for n in range(10) if n not in builder.pinned and n not in avoid]
    return builder.choices.one_of(found) if found else None


def beyond(builder: Builder, label: str, pointer: int, limit: int) -> None:
    """Go to *label* unless *pointer* is at most *limit*, said in any of the ways there are."""
    choices = builder.choices
    forms = [(JGT, pointer, limit), (JGE, pointer, limit)]
    if builder.version.number >= 2:
        forms += [(JLT, limit, pointer), (JLE, limit, pointer)]
    if choices.chance(0.7):
        operation, left, right = choices.one_of(forms)
        builder.jump(JMP | operation | X, label, left, right)
        return
    inside = builder.new_label()
    forms = [(JGE, limit, pointer), (JGT, limit, pointer)]
    if builder.version.number >= 2:
        forms += [(JLE, pointer, limit), (JLT, pointer, limit)]
    operation, left, right = choices.one_of(forms)
    builder.jump(JMP | operation | X, inside, left, right)
    go(builder, label)
    builder.place(inside)


def check_packet(builder: Builder) -> None:
    """Find out that so many bytes are there, and keep a pointer to the first."""
    context, choices = builder.context, builder.choices
    start = _pick(builder)
    if context is None or start is None:
        return
    end = _pick(builder, start)
    limit = _pick(builder, start, end) if end is not None else None
    if end is None or limit is None:
        return
    length = choices.one_of((14, 34, 1, 2, 8, 20, 42, 60, 64))
    builder.load(W, start, context, DATA)
    builder.set(start, Content(PACKET))
    builder.load(W, end, context, DATA_END)
    builder.set(end, Content(END))
    builder.copy(limit, start)
    builder.emit(ALU64 | ADD, limit, imm=length)
    builder.set(limit, Content(PACKET, length))
    beyond(builder, leave(builder), limit, end)
    builder.known.packet_reaches(length)


def measure(builder: Builder) -> None:
    """The packet's length, or another number of the context."""
    context, start = builder.context, _pick(builder)
    if context is None or start is None:
        return
    if builder.choices.chance(0.4):
        builder.load(W, start, context, builder.choices.one_of((INGRESS, QUEUE)))
        return
    end = _pick(builder, start)
    if end is None:
        return
    first = builder.choices.one_of((DATA, DATA_META))
    builder.load(W, end, context, DATA_END if first == DATA else DATA)
    builder.load(W, start, context, first)
    builder.emit(0x1F, end, start)
    builder.set(start, None)


def access_metadata(builder: Builder) -> None:
    """Four bytes of metadata, if there are so many."""
    context, meta = builder.context, _pick(builder)
    if context is None or meta is None:
        return
    limit = _pick(builder, meta)
    data = _pick(builder, meta, limit) if limit is not None else None
    if limit is None or data is None:
        return
    skip = builder.new_label()
    for register, field in ((meta, DATA_META), (data, DATA)):
        builder.load(W, register, context, field)
        builder.set(register, None)
    builder.copy(limit, meta)
    builder.emit(ALU64 | ADD, limit, imm=4)
    builder.set(limit, None)
    sources = [n for n in builder.having("number") if n not in (meta, limit, data)]
    beyond(builder, skip, limit, data)
    if sources and builder.choices.chance(0.5):
        builder.emit(STX | MEM | W, meta, builder.choices.one_of(sources), 0)
        builder.place(skip)
        return
    before = builder.known.copy()
    target = builder.free()
    builder.emit(LDX | MEM | W, target, meta, 0)
    builder.set(target, A_NUMBER)
    builder.place(skip)
    builder.known.meet(before)


def access_anywhere(builder: Builder) -> None:
    """A byte of the packet at a place that only the run decides, behind a check of its own."""
    context, pointer = builder.context, _pick(builder)
    if context is None or pointer is None:
        return
    index = builder.number(avoid=[pointer])
    limit = _pick(builder, pointer, index)
    end = _pick(builder, pointer, index, limit) if limit is not None else None
    if limit is None or end is None:
        return
    skip, choices = builder.new_label(), builder.choices
    builder.emit(0xBF, limit, index)
    builder.emit(ALU64 | AND, limit, imm=choices.one_of((15, 63, 255)))
    builder.set(limit, A_NUMBER)
    builder.load(W, pointer, context, DATA)
    builder.emit(ALU64 | ADD | X, pointer, limit)
    builder.load(W, end, context, DATA_END)
    for register in (pointer, end):
        builder.set(register, None)
    builder.emit(0xBF, limit, pointer)
    builder.emit(ALU64 | ADD, limit, imm=4)
    builder.set(limit, None)
    beyond(builder, skip, limit, end)
    before = builder.known.copy()
    if choices.chance(0.5):
        builder.emit(STX | MEM | choices.one_of((B, W)), pointer, index, 0)
    else:
        target = builder.free()
        builder.load(choices.one_of((B, W)), target, pointer, 0)
    builder.place(skip)
    builder.known.meet(before)


def move_bounds(builder: Builder) -> None:
    """``bpf_xdp_adjust_head()``, ``_meta()`` and ``_tail()``."""
    choices = builder.choices
    if builder.context is None or (builder.depth and choices.chance(0.5)):
        return
    helper = choices.one_of((ADJUST_HEAD, ADJUST_TAIL, ADJUST_META))
    distances = {
        ADJUST_HEAD: (-14, 14, -1, 1, 0, -64, 20, 50, -216, -217, -240, 4096),
        ADJUST_TAIL: (-1, 1, 0, 10, -10, 64, -40, 1000, 3000, 3500, -2000, 0x7FFFFFFF),
        ADJUST_META: (-4, 4, 0, -8, -32, -36, -1, -252, -256, 8, 2, -216),
    }[helper]
    if choices.chance(0.2):
        builder.pass_number(2)
        # Not -2**31: negated it is itself, and the kernel takes a fragment of 2 GiB for real.
        builder.emit(ALU64 | LSH, 2, imm=32)
        builder.emit(ALU64 | ARSH, 2, imm=33)
    elif helper != ADJUST_META and choices.chance(0.3):
        pass_length(builder, 2, choices.one_of((-14, -13, -15)))
        if helper == ADJUST_TAIL:
            builder.emit(ALU64 | NEG, 2)
    elif choices.chance(0.2):
        builder.constant(2, choices.integer(-300, 300))
    else:
        builder.constant(2, choices.one_of(distances))
    builder.pass_context(1)
    builder.helper(helper)
    builder.known.forget(PACKET, END)


def pass_length(builder: Builder, register: int, more: int) -> None:
    """The length of the packet's linear part and *more*, where borders are; the next is lost."""
    assert builder.context is not None
    builder.load(W, register, builder.context, DATA_END)
    builder.load(W, register + 1, builder.context, DATA)
    builder.emit(ALU64 | SUB | X, register, register + 1)
    builder.set(register + 1, None)
    builder.emit(ALU64 | ADD, register, imm=more)


def memory_argument(builder: Builder, register: int, size: int) -> int | None:
    """A pointer to at least *size* bytes as an argument; which kind, or None for the stack."""
    choices = builder.choices
    found = []
    for number in builder.having(VALUE, CALLER):
        content = builder.known.registers[number]
        is_kept = number == 0 or number >= register
        if is_kept and content.size >= size and content.map not in builder.read_only:
            found.append(number)
    if found and choices.chance(0.5):
        source = choices.one_of(found)
        content = builder.known.registers[source]
        builder.copy(register, source)
        offset = 0 if content.kind == CALLER else choices.integer(0, content.size - size)
        builder.add(register, offset - content.offset)
        return source
    builder.point(register, builder.area(size))
    return None


def transfer(builder: Builder) -> None:
    """``bpf_xdp_load_bytes()`` and ``_store_bytes()``."""
    if builder.context is None:
        return
    choices = builder.choices
    size = choices.integer(1, 16)
    if choices.chance(0.2):
        builder.pass_number(2)
    elif choices.chance(0.3):
        pass_length(builder, 2, choices.one_of((0, 1, -1)) - size)
    elif choices.chance(0.3):
        builder.pass_number(2)
        builder.emit(ALU64 | AND, 2, imm=choices.one_of((127, 0xFFFF)))
    else:
        builder.constant(2, choices.one_of((0, 14, 1, 30, 60, 3519, 3520, 3500, 7600)))
    memory_argument(builder, 3, size)
    if choices.chance(0.3):
        # Only the run says how many bytes: at least one.
        builder.pass_number(4)
        builder.emit(ALU64 | AND, 4, imm=(1 << size.bit_length() - 1) - 1)
        builder.emit(ALU64 | ADD, 4, imm=1)
    else:
        builder.constant(4, size)
    builder.pass_context(1)
    builder.helper(choices.one_of((LOAD_BYTES, STORE_BYTES)))


def ask(builder: Builder) -> None:
    """``bpf_xdp_get_buff_len()`` and ``bpf_check_mtu()``."""
    choices = builder.choices
    if builder.context is None:
        return
    if choices.chance(0.5):
        builder.pass_context(1)
        builder.helper(BUFF_LEN)
        return
    builder.constant(2, choices.one_of((0, 1, 9999)))
    builder.point(3, builder.area(8))
    builder.emit(0x62, 3, 0, 0, choices.one_of((0, 1, 1500, 65535, 65536)))
    builder.pass_number(4)
    builder.constant(5, choices.one_of((0, 0, 0, 1)))
    builder.pass_context(1)
    builder.helper(CHECK_MTU)


def sum_up(builder: Builder) -> None:
    """``bpf_csum_diff()``: what was, what comes, either of them missing."""
    choices = builder.choices
    for register in (1, 3):
        if choices.chance(0.25):
            builder.constant(register, 0)
            builder.constant(register + 1, 0)
            continue
        size = 4 * choices.integer(1, 8)
        memory_argument(builder, register, size)
        builder.constant(register + 1, size)
    builder.pass_number(5)
    builder.helper(CSUM_DIFF)
