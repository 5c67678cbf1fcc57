# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Everything that user space can see of a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spec.errors import KernelError
from spec.lab import Lab, Map
from spec.testing.differential.maps.operations import read
from spec.testing.differential.side import Answer, Refusal, Side, answer
from spec.uapi import MapType

MOST = 40
"""Keys of a map that are looked at one by one; the maps that are filled have fewer."""
UNORDERED = MapType.BPF_MAP_TYPE_HASH
ORDINARY = (MapType.BPF_MAP_TYPE_HASH, MapType.BPF_MAP_TYPE_ARRAY)


def elements(side: Side, name: str) -> Answer:
    """The keys in the map's order, and the value of each or the refusal to tell."""
    map = side.map(name)
    keys: list[int | None] = [None]
    while len(keys) <= MOST:
        following = answer(_next, side, (name, keys[-1]))
        if isinstance(following, Refusal):
            end = following
            break
        keys.append(following)
    else:
        end = Refusal("more")
    found = [(key, answer(_value, side, (name, key))) for key in keys[1:]]
    if map.type == UNORDERED:
        found.sort(key=repr)
    return [*found, end]


def flags(side: Side, name: str) -> Answer:
    """``map_flags``; a closed map has none."""
    return side.map(name).map_flags


def memory(side: Side, name: str, least: Mapping[Side, Mapping[MapType, int]]) -> Answer:
    """What ``/proc`` says of it beyond the *least*, which depends on how the kernel was built.

    Not of ordinary maps, which the model does not account for.
    """
    map = side.map(name)
    if map.type in ORDINARY or not _is_open(side, map):
        return None
    return map.memory - least[side][map.type]


def least_memory(lab: Lab, types: Sequence[str]) -> dict[MapType, int]:
    """What a map with a single slot takes, for each of *types*."""
    found = {}
    for type in types:
        map = lab.create_map(type)
        found[map.type] = map.memory
        map.close()
    return found


def _next(side: Side, name: str, key: int | None) -> Answer:
    return side.map(name).next_key(key)


def _value(side: Side, name: str, key: int) -> Answer:
    map = side.map(name)
    return read(side, map, map.lookup_bytes(map._key(key)))


def _is_open(side: Side, map: Map) -> bool:
    try:
        return side.lab.by_fd(map.fd) is map
    except KernelError:
        return False
