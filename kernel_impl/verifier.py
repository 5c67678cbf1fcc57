# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the verifier's log says in the end."""

from __future__ import annotations

import re

_NOT_THE_REASON = re.compile(
    r"""
    ;                           # a source line
    | \d+:\ (\(|R|safe)         # an instruction, a state
    | R\d+(_\w)?=               # a state
    | from\ \d+\ to\ \d+
    | processed\ \d+\ insns | verification\ time | stack\ depth | max_states
    | mark_precise: | last_idx | regs= | parent\b
    | (Global|Func)\b.*(assumed|valid)
    | --\ (BEGIN|END)\ PROG\ LOAD\ LOG
    | (caller|callee): | returning\ from | func\#\d+
    """,
    re.VERBOSE,
)

_REPETITION = re.compile(r"R\d+ (offset|min value|max value) is outside")
"""Repeats the line before, if that gave a reason."""

_SUMMARY = re.compile(r"(?<=\S)(?=processed \d+ insns)")


def decisive_line(log: str) -> str:
    """The last line that is neither code nor bookkeeping; empty for an empty log."""
    # Some messages have no end of line, and the summary follows on the spot.
    lines = [line.strip() for line in _SUMMARY.sub("\n", log).splitlines()]
    reasons = [line for line in lines if line and not _NOT_THE_REASON.match(line)]
    while len(reasons) > 1 and _REPETITION.match(reasons[-1]):
        reasons.pop()
    return reasons[-1] if reasons else ""


def instruction_index(log: str) -> int | None:
    """The instruction last looked at; None where none was."""
    found = re.findall(r"^(\d+): \(", log, re.MULTILINE)
    return int(found[-1]) if found else None


def source_line(log: str) -> str:
    """The source line last spoken of, as ``; text @ file:line``; empty without line information."""
    lines = [line.strip() for line in log.splitlines()]
    return next((line for line in reversed(lines) if line.startswith("; ")), "")
