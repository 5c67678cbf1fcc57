# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The machine, broken on purpose: a search that does not notice is worth nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from errno import E2BIG
from typing import Any
from unittest.mock import patch

from spec.errors import KernelError
from spec.machine import arithmetic, interpreter, packet_helpers, writer
from spec.machine.instruction import ATOMIC, FETCH, JSET, JSGT, LSH, MEM, MEMSX, Instruction
from spec.machine.statements import alu
from spec.maps.ordinary import array, lpm_trie
from spec.maps.ordinary.hash import Keyed
from spec.testing.differential.mutation import Mutation


def _shift_mask() -> AbstractContextManager[object]:
    return patch.dict(arithmetic.BINARY, {LSH: lambda left, right, _: left << (right & 63)})


@contextmanager
def _no_zero_extension() -> Iterator[None]:
    def wrong(instruction: Instruction, widths: dict[int, int]) -> str:
        return alu(instruction, widths).replace(" & 4294967295", "")

    with patch.object(writer, "alu", wrong):
        yield


def _unsigned_comparison() -> AbstractContextManager[object]:
    return patch.dict(arithmetic.COMPARE, {JSGT: lambda left, right, _: left > right})


def _test_as_equality() -> AbstractContextManager[object]:
    return patch.dict(arithmetic.COMPARE, {JSET: lambda left, right, _: left == right})


def _division_rounds_down() -> AbstractContextManager[object]:
    def wrong(left: int, right: int, bits: int) -> int:
        left, right = arithmetic.signed(left, bits), arithmetic.signed(right, bits)
        return left // right if right else 0

    return patch.object(interpreter, "signed_divide", wrong)


def _new_value_fetched() -> AbstractContextManager[object]:
    right = interpreter._Activation.atomic

    def wrong(self: Any, instruction: Instruction) -> None:
        right(self, instruction)
        if instruction.mode == ATOMIC and instruction.imm & FETCH and instruction.imm < 0xE0:
            address = self.registers[instruction.dst] + instruction.offset
            self.registers[instruction.src] = self.memory.load(address, instruction.size)

    return patch.object(interpreter._Activation, "atomic", wrong)


def _no_sign_in_loads() -> AbstractContextManager[object]:
    right = interpreter._Activation.load

    def wrong(self: Any, instruction: Instruction) -> None:
        if instruction.mode == MEMSX:
            instruction = instruction._replace(opcode=instruction.opcode & ~MEMSX | MEM)
        right(self, instruction)

    return patch.object(interpreter._Activation, "load", wrong)


def _swap_keeps_the_rest() -> AbstractContextManager[object]:
    def wrong(value: int, bits: int) -> int:
        return value >> bits << bits | arithmetic.byte_swap(value, bits)

    return patch.object(interpreter, "byte_swap", wrong)


def _lost_carry() -> AbstractContextManager[object]:
    return patch.object(packet_helpers, "_ones_add", lambda left, right: left + right & 0xFFFFFFFF)


def _bytes_beyond_the_end() -> AbstractContextManager[object]:
    right = packet_helpers._out_of_packet

    def wrong(frame: Any, offset: int, size: int) -> int:
        return right(frame, offset, size - 1)

    return patch.object(packet_helpers, "_out_of_packet", wrong)


def _first_prefix_found() -> AbstractContextManager[object]:
    def wrong(self: Any, key: bytes) -> bytearray | None:
        length, bits = self.prefix(key)
        for known, (_, value) in self.elements.items():
            if known.length <= length and known.bits == bits >> length - known.length:
                found: bytearray = value
                return found
        return None

    return patch.object(lpm_trie.LpmTrie, "find", wrong)


def _one_element_too_many() -> AbstractContextManager[object]:
    def wrong(self: Any) -> None:
        if len(self.values) > self.max_entries:
            raise KernelError(E2BIG)

    return patch.object(Keyed, "make_room", wrong)


MUTATIONS = (
    Mutation("shift mask", "A 32-bit shift by 32 or more shifts everything out.", _shift_mask),
    Mutation("zero extension", "32-bit results keep what is above.", _no_zero_extension),
    Mutation("signed comparison", "s> compares as > does.", _unsigned_comparison),
    Mutation("bit test", "The test of common bits asks for equality.", _test_as_equality),
    Mutation("signed division", "Signed division rounds down.", _division_rounds_down),
    Mutation("atomic fetch", "An atomic operation fetches what it stored.", _new_value_fetched),
    Mutation("sign extension", "A load forgets the sign.", _no_sign_in_loads),
    Mutation("byte swap", "A swap of 16 or 32 bits keeps those above.", _swap_keeps_the_rest),
    Mutation(
        "packet start",
        "adjust_head() and adjust_tail() leave a packet one byte too short.",
        lambda: patch.object(packet_helpers, "ETH_HLEN", 13),
    ),
    Mutation(
        "headroom",
        "A packet and its metadata may begin four bytes earlier.",
        lambda: patch.object(packet_helpers, "XDP_FRAME_SIZE", 36),
    ),
    Mutation("checksum carry", "csum_diff() loses the carry.", _lost_carry),
    Mutation("packet bytes", "load_bytes() goes one byte too far.", _bytes_beyond_the_end),
    Mutation("longest prefix", "An LPM_TRIE gives any prefix that fits.", _first_prefix_found),
    Mutation("full hash", "A HASH takes one element too many.", _one_element_too_many),
    Mutation(
        "slot that exists",
        "An ARRAY lets BPF_NOEXIST overwrite.",
        lambda: patch.object(array, "BPF_NOEXIST", 8),
    ),
)
