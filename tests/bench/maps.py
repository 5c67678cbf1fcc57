# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whether cost grows with size: targets of a broadcast, entries of a hash."""

from __future__ import annotations

import random
import tracemalloc
from itertools import islice

from spec import ModelLab
from spec.lab import Lab, Map
from spec.testing.compiler import compile_bpf
from tests.bench import programs
from tests.bench.row import Effort, Goal, Row, timed
from tests.bench.timing import Task

FEW, MANY_TARGETS, MANY_ENTRIES = 16, 4096, 1_000_000
LOOKUPS = 20_000


def measure(effort: Effort) -> list[Row]:
    """The rows about maps."""
    targets = max(FEW, effort.of(MANY_TARGETS))
    broadcast = timed(
        "Broadcast, cost of a target",
        _broadcast(targets, targets),
        _broadcast(FEW, MANY_TARGETS),
        Goal("<=", 1.2),
        effort,
    )
    entries = max(FEW, effort.of(MANY_ENTRIES))
    with ModelLab() as lab:
        tracemalloc.start()
        big = _filled(lab, entries)
        size = tracemalloc.get_traced_memory()[0] / entries
        tracemalloc.stop()
        lookup = timed(
            "DEVMAP_HASH, cost of a lookup",
            _lookup(big, entries),
            _lookup(_filled(lab, FEW), FEW),
            Goal("<=", 1.3),
            effort,
        )
    room = Row(
        "DEVMAP_HASH, memory of an entry (tracemalloc)",
        f"{entries:,} entries",
        "",
        Goal("<=", 250),
        unit="bytes",
        value=size,
        figure=size,
    )
    return [broadcast, lookup, room]


def _broadcast(targets: int, count: int) -> Task:
    """One frame to *targets* taps, until *count* targets had theirs."""
    lab = ModelLab()
    loaded = lab.load(compile_bpf(programs.REDIRECT, "bench"))
    ingress = lab.tap("in")
    taps = [lab.tap(f"out{number}") for number in range(targets)]
    for slot, tap in enumerate(taps):
        loaded.maps["tx_port"].update(slot, tap)
    ingress.attach(loaded.programs["xdp_broadcast"])
    ingress.receive(programs.FRAME)
    assert all(tap.sent == [programs.FRAME] for tap in taps)

    def run(count: int) -> None:
        for _ in range(0, count, targets):
            ingress.receive(programs.FRAME)

    return Task(f"{targets:,} targets", run, count, targets)


def _filled(lab: Lab, entries: int) -> Map:
    """A hash with *entries* entries for the loopback device, under keys from everywhere."""
    map = lab.create_map("devmap_hash", value_size=8, max_entries=entries)
    value = lab.lo.ifindex.to_bytes(4, "little") + bytes(4)
    for number in range(entries):
        map.update(_key(number), value)
    return map


def _key(number: int) -> int:
    # Multiplying by an odd number only changes the order of the numbers below 2**32.
    return number * 0x9E3779B1 % (1 << 32)


def _lookup(map: Map, entries: int) -> Task:
    """Look up existing keys in no order, as many different objects whatever *entries* is."""
    choice = random.Random(1)
    keys = [_key(choice.randrange(entries)) for _ in range(LOOKUPS)]

    def run(count: int) -> None:
        for key in islice(keys, count):
            map.lookup(key)

    return Task(f"{entries:,} entries", run, LOOKUPS)
