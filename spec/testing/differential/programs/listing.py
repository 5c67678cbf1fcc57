# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A case as C that any BPF compiler takes: instructions as numbers, with what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spec.machine.instruction import LOAD_IMMEDIATE, describe, encode
from spec.testing.differential.programs.assembly import Assembled, Lines, assemble
from spec.testing.differential.programs.case import Case
from spec.testing.differential.programs.type_information import MapShape

HEAD = """\
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
"""
MAP = """\
struct {{
    __uint(type, {type});
    __uint(key_size, {key_size});
    __uint(value_size, {value_size});
    __uint(max_entries, {max_entries});
    __uint(map_flags, {map_flags});
}} {name} SEC(".maps");
"""
FUNCTION = """\
{head} int {name}(void)
{{
    asm volatile(
{body}
        :: {operands} : "memory");
}}
"""
STATIC = "static __attribute__((naked, noinline, used))"


def c_source(case: Case) -> str:
    """The programs, functions and maps of *case*."""
    parts = [HEAD]
    for filled in case.maps:
        values = filled.shape._asdict()
        parts.append(MAP.format(**{**values, "type": int(filled.shape.type)}))
    shapes = {each.shape.name: each.shape for each in case.maps}
    parts += [_function(STATIC, name, lines, shapes) for name, lines in case.functions]
    head = f'SEC("{case.section}") __attribute__((naked))'
    parts += [_function(head, name, lines, shapes) for name, lines in case.programs]
    return "\n".join(parts)


def _function(head: str, name: str, lines: Lines, maps: Mapping[str, MapShape]) -> str:
    assembled = assemble(lines)
    used = dict.fromkeys(name for name in assembled.maps.values() if name in maps)
    operands = ", ".join(f'[{name}]"i"(&{name})' for name in used)
    body = "\n".join(f"        {each}" for each in _instructions(assembled))
    return FUNCTION.format(head=head, name=name, body=body, operands=operands)


def _instructions(assembled: Assembled) -> Iterator[str]:
    second = False
    for index, instruction in enumerate(assembled.code):
        if index in assembled.maps:
            yield f'"r{instruction.dst} = %[{assembled.maps[index]}] ll;"'
        elif index in assembled.calls:
            yield f'"call {assembled.calls[index]};"'
        elif index - 1 not in assembled.maps:
            number = int.from_bytes(encode(instruction), "little")
            said = "" if second else f"  /* {describe(instruction)} */"
            yield f'".8byte {number:#018x};"{said}'
        second = instruction.opcode == LOAD_IMMEDIATE and not second
