# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is checked about blocks that are not run: quoted structures, commands for readers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from spec.lab import Field
from spec.testing.blocks import Example
from spec.testing.outcome import Failure, difference

_EVENT = re.compile(r"\bxdp:([A-Za-z0-9_*?]+)")
_FIELD = re.compile(r"\bargs(?:->|\.)(\w+)")


def check_structure(
    block: Example, quoted: Sequence[Field], actual: Sequence[Field]
) -> Iterator[Failure]:
    """Names, offsets and sizes of a quoted structure against those of the engine."""
    if tuple(quoted) == tuple(actual):
        return
    lines = block.source.splitlines()
    wrong = [field for field in quoted if field not in actual] or list(quoted)[-1:]
    name = wrong[0].name.rpartition(".")[2] if wrong else block.uapi
    number = next((n for n, x in enumerate(lines) if re.search(rf"\b{re.escape(name)}\b", x)), 0)
    yield Failure(
        block.source_line + number,
        f"struct {block.uapi} differs from the UAPI at {name!r}",
        block.source_line,
        tuple(lines),
        difference(_layout(quoted), _layout(actual)),
        _layout(quoted),
        _layout(actual),
    )


def _layout(fields: Sequence[Field]) -> str:
    return "".join(f"{f.name}: offset {f.offset}, size {f.size}\n" for f in fields)


def check_command(block: Example, tracepoints: Mapping[str, tuple[str, ...]]) -> Iterator[Failure]:
    """Every event of the ``xdp`` group in a command, and every field that it takes from one."""
    known = tuple(f"xdp:{name} {' '.join(fields)}" for name, fields in tracepoints.items())
    matched: list[str] = []
    start = 0
    for clause in re.split(r"(?<=\})", block.source):  # a probe's action ends with a brace
        problems: list[tuple[int, str]] = []
        events = list(_EVENT.finditer(clause))
        if events:
            matched = []
        for event in events:
            found = [name for name in tracepoints if fnmatchcase(name, event[1])]
            matched += found
            if not found:
                problems.append((event.start(), f"there is no tracepoint xdp:{event[1]}"))
        for field in _FIELD.finditer(clause):
            for name in matched:
                if field[1] not in tracepoints[name]:
                    problems.append((field.start(), f"xdp:{name} has no field {field[1]!r}"))
                    break
        for position, problem in problems:
            line = block.source_line + block.source.count("\n", 0, start + position)
            excerpt = tuple(block.source.splitlines())
            yield Failure(line, problem, block.source_line, excerpt, known)
        start += len(clause)
