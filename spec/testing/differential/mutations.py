# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How long the search takes to notice that the model was broken on purpose."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from spec.testing.differential.area import Area
from spec.testing.differential.campaign import Pairs, run_session
from spec.testing.differential.maps.mutations import MUTATIONS as OF_MAPS
from spec.testing.differential.mutation import Mutation
from spec.testing.differential.redirect.mutations import MUTATIONS as OF_REDIRECT

MUTATIONS: Mapping[str, Sequence[Mutation]] = {"maps": OF_MAPS, "redirect": OF_REDIRECT}
"""By area; those of the programs' machine are noticed in a way of their own."""


class Noticed(NamedTuple):
    """What came of one mutation; ``difference`` is empty if nobody noticed."""

    mutation: Mutation
    steps: int
    seconds: float
    difference: str


def notice(area: Area, pairs: Pairs, mutation: Mutation, seed: int, most: int) -> Noticed:
    """Search *area* for at most *most* steps while the model is broken whenever it is asked."""
    began, steps, number = time.monotonic(), 0, 0
    while steps < most:
        pair = pairs(number)._replace(broken=mutation.broken)
        session = run_session(area, pair, seed, number, min(area.steps, most - steps))
        steps, number = steps + session.steps, number + 1
        if session.failure is not None:
            found = str(session.failure.difference)
            return Noticed(mutation, steps, time.monotonic() - began, found)
    return Noticed(mutation, steps, time.monotonic() - began, "")
