# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Simpler cases to try in the place of one that failed, the boldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from spec.machine.instruction import CALL_OPCODE
from spec.testing.differential.programs.assembly import Line, Lines
from spec.testing.differential.programs.case import Case, Packet, pruned

ETHERNET_HEADER = 14


def simpler(case: Case) -> Iterator[Case]:
    """Fewer packets, fewer lines, fewer elements, smaller numbers."""
    yield from _packets(case)
    yield from map(pruned, _edited(case, _fewer_lines))
    if case.entries:
        yield pruned(case._replace(entries=()))
    for at, filled in enumerate(case.maps):
        if filled.elements:
            emptied = (*case.maps[:at], filled._replace(elements=()), *case.maps[at + 1 :])
            yield case._replace(maps=emptied)
    if case.has_frags:
        yield case._replace(has_frags=False)
    yield from _edited(case, _smaller_numbers)


def _edited(case: Case, edit: Callable[[Lines], Iterator[Lines]]) -> Iterator[Case]:
    """*case* with any of its programs and functions edited."""
    for at, (name, lines) in enumerate(case.programs):
        for other in edit(lines):
            rest = (*case.programs[:at], (name, other), *case.programs[at + 1 :])
            yield case._replace(programs=rest)
    for at, (name, lines) in enumerate(case.functions):
        for other in edit(lines):
            rest = (*case.functions[:at], (name, other), *case.functions[at + 1 :])
            yield case._replace(functions=rest)


def _packets(case: Case) -> Iterator[Case]:
    packets = case.packets
    if len(packets) > 1:
        for packet in packets:
            yield case._replace(packets=(packet,))
        size = len(packets) // 2
        while size:
            for at in range(0, len(packets), size):
                yield case._replace(packets=packets[:at] + packets[at + size :])
            size //= 2
        return
    for packet in packets:
        plain = Packet(packet.data[packet.metadata :])
        if plain != packet:
            yield case._replace(packets=(plain,))
        for length in (ETHERNET_HEADER, 64, len(packet.data) // 2):
            if length - packet.metadata >= ETHERNET_HEADER and length < len(packet.data):
                yield case._replace(packets=(packet._replace(data=packet.data[:length]),))
        zeros = packet._replace(data=bytes(len(packet.data)))
        if zeros != packet:
            yield case._replace(packets=(zeros,))


def _fewer_lines(lines: Lines) -> Iterator[Lines]:
    """Without some lines in a row; labels stay as long as anybody goes there."""
    places = [at for at, line in enumerate(lines) if line.instruction is not None]
    size = len(places) // 2
    while size:
        for start in range(len(places) - size, -1, -size):
            gone = set(places[start : start + size])
            kept = [line for at, line in enumerate(lines) if at not in gone]
            used = {line.label for line in kept if line.instruction is not None}
            yield tuple(line for line in kept if line.instruction is not None or line.label in used)
        size //= 2


def _smaller_numbers(lines: Lines) -> Iterator[Lines]:
    for at, line in enumerate(lines):
        for simple in _simple(line):
            yield (*lines[:at], simple, *lines[at + 1 :])


def _simple(line: Line) -> Iterator[Line]:
    instruction = line.instruction
    if instruction is None or line.map or instruction.opcode == CALL_OPCODE:
        return
    if line.high:
        yield line._replace(high=0)
    for number in (0, 1):
        if abs(instruction.imm) > number:
            yield line._replace(instruction=instruction._replace(imm=number))
