# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A model that is wrong in one place: a search that is any good finds the place.

The model has no switches for this. For a while, something else stands in the place of a named
function or number.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch


class Mutation(NamedTuple):
    """One thing done wrong while ``broken()`` is entered."""

    name: str
    sentence: str
    broken: Callable[[], AbstractContextManager[object]]


def replaced(
    place: Any, attribute: str, wrong: Callable[[Any], Any]
) -> Callable[[], AbstractContextManager[object]]:
    """Puts what *wrong* makes of the *attribute* of a class or module in its place."""
    return partial(patch.object, place, attribute, wrong(getattr(place, attribute)))
