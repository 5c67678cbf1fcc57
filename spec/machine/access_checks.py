# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Refuses loads and stores that no frame and no map content could make right.

Mirrors ``kernel/bpf/verifier.c: check_mem_access`` and ``net/core/filter.c:
xdp_is_valid_access``.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import EACCES

from spec.errors import KernelError
from spec.machine.call_checks import is_read_only
from spec.machine.host import ProgramMap
from spec.machine.instruction import ATOMIC, LDX, LOAD_ACQUIRE, MEMSX, STORE_RELEASE
from spec.machine.kinds import (
    CONTEXT,
    END,
    MAP,
    META,
    PACKET,
    SCALAR,
    SOCKET,
    STACK,
    UNKNOWN,
    VALUE,
    Content,
    State,
)
from spec.machine.memory import STACK_SIZE
from spec.machine.program import ProgramCode
from spec.machine.refusal import refused
from spec.uapi import BPF_XDP_DEVMAP

UNSHARED = (CONTEXT, PACKET, META, SOCKET)
"""Where atomic operations make no sense (``atomic_ptr_type_ok``)."""

FIELD_SIZE, CONTEXT_SIZE, EGRESS_IFINDEX = 4, 24, 20


def check_access(
    program: ProgramCode, maps: Mapping[str, ProgramMap], index: int, state: State
) -> None:
    """Raise what the verifier says about the load or store at *index*."""
    instruction = program.code[index]
    is_load = instruction.kind == LDX or (
        instruction.mode == ATOMIC and instruction.imm == LOAD_ACQUIRE
    )
    register = instruction.src if is_load else instruction.dst
    access = _Access(program, index, register, state.registers[register], not is_load)
    access.check(maps, state)


class _Access:
    """One load or store: through which register, how far, and what lies there."""

    def __init__(
        self, program: ProgramCode, index: int, register: int, content: Content, is_write: bool
    ) -> None:
        self.program, self.index, self.register = program, index, register
        self.content, self.is_write = content, is_write
        self.instruction = program.code[index]
        self.size = self.instruction.size

    def check(self, maps: Mapping[str, ProgramMap], state: State) -> None:
        content = self.content
        if content.kind == UNKNOWN:
            return
        if content.maybe_null is not None or content.kind in (SCALAR, END):
            raise self._refused(f"R{self.register} invalid mem access '{content.type_name}'")
        is_change = self.is_write and self.instruction.mode == ATOMIC
        if is_change and self.instruction.imm != STORE_RELEASE and content.kind in UNSHARED:
            kind = content.type_name
            raise self._refused(f"BPF_ATOMIC stores into R{self.register} {kind} is not allowed")
        if content.kind == CONTEXT:
            self._check_context()
        elif content.kind == VALUE:
            self._check_value(maps[content.map])
        elif content.kind == SOCKET:
            self._check_socket()
        elif content.kind == MAP and self.is_write:
            raise self._refused("only read from bpf_array is supported")
        elif content.kind in (PACKET, META):
            self._check_packet(state.packet if content.kind == PACKET else state.meta)
        elif content.kind == STACK:
            self._check_stack()

    def _check_context(self) -> None:
        if self.content.offset != 0:
            offset = self.content.offset
            if offset is None:
                return
            place = f"R{self.register} off={offset}"
            raise self._refused(f"dereference of modified ctx ptr {place} disallowed")
        offset = self.instruction.offset
        is_field = self.size == FIELD_SIZE and offset in range(0, CONTEXT_SIZE, FIELD_SIZE)
        if (
            self.is_write
            or not is_field
            or (self.instruction.mode == MEMSX and offset < 3 * FIELD_SIZE)
            or (offset == EGRESS_IFINDEX and self.program.attach_type != BPF_XDP_DEVMAP)
        ):
            raise self._refused(f"invalid bpf_context access off={offset} size={self.size}")

    def _check_value(self, map: ProgramMap) -> None:
        if self.content.offset is None:
            return
        offset = self.content.offset + self.instruction.offset
        place = f"value_size={map.value_size} off={offset} size={self.size}"
        if self.is_write and is_read_only(map):
            raise self._refused(f"write into map forbidden, {place}")
        if not 0 <= offset <= map.value_size - self.size:
            raise self._refused(f"invalid access to map value, {place}")

    def _check_socket(self) -> None:
        """``struct bpf_xdp_sock`` has one member (``bpf_xdp_sock_is_valid_access``)."""
        if self.content.offset is None:
            return
        offset = self.content.offset + self.instruction.offset
        if self.is_write:
            raise self._refused(f"R{self.register} cannot write into xdp_sock")
        if (offset, self.size) != (0, FIELD_SIZE):
            place = f"off={offset} size={self.size}"
            raise self._refused(f"R{self.register} invalid xdp_sock access {place}")

    def _check_packet(self, known: int | None) -> None:
        if self.content.offset is None or known is None:
            return
        offset = self.content.offset + self.instruction.offset
        if not 0 <= offset <= known - self.size:
            place = f"off={offset} size={self.size}"
            pointer = f"R{self.register}(id=0,off={offset},r={known})"
            raise self._refused(f"invalid access to packet, {place}, {pointer}")

    def _check_stack(self) -> None:
        if self.content.offset is None:
            return
        offset = self.content.offset + self.instruction.offset
        if not -STACK_SIZE <= offset <= -self.size:
            verb = "write to" if self.is_write else "read from"
            place = f"R{self.register} off={offset} size={self.size}"
            raise self._refused(f"invalid {verb} stack {place}")

    def _refused(self, reason: str) -> KernelError:
        return refused(EACCES, reason, self.program, self.index)
