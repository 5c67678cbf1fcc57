# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the table of changes is made of."""

from __future__ import annotations

from typing import NamedTuple


class Change(NamedTuple):
    """One change of behaviour: since which release, by which commit, and what it says."""

    name: str
    release: str
    commit: str
    sentence: str
    backports: tuple[str, ...] = ()
