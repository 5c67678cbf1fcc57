# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The machine's own speed. Imports nothing, so that it can be asked before anything is imported."""

TURNS = 20_000


def control(turns: int) -> int:
    """A loop that never changes."""
    state = 1
    for turn in range(turns):
        state = (state * 5 + turn) & 0xFFFF
    return state
