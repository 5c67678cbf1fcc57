# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where Hypothesis keeps the examples that failed: nowhere, a folder, or a Redis for many machines.

``XDPSPEC_EXAMPLES`` says where: the path of a folder, or ``redis://host:port/number``.
"""

from __future__ import annotations

import os

from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

VARIABLE = "XDPSPEC_EXAMPLES"


def example_database() -> ExampleDatabase | None:
    """What the environment names; ``None`` if it names nothing."""
    place = os.environ.get(VARIABLE, "")
    if place.startswith(("redis://", "rediss://", "unix://")):
        return _in_redis(place)
    return DirectoryBasedExampleDatabase(place) if place else None


def machine_settings(examples: int, steps: int) -> settings:
    """The same examples in every run, unless there is a database for those that failed."""
    database = example_database()
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=database,
        derandomize=database is None,
        print_blob=True,
    )


def _in_redis(place: str) -> ExampleDatabase:
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis
    except ImportError:
        raise RuntimeError(f"{VARIABLE}={place}: run `pip install redis`") from None
    return RedisExampleDatabase(Redis.from_url(place))
