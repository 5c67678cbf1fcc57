# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The maps that generated programs use, and what is in them at first."""

from __future__ import annotations

import sys
from typing import NamedTuple, TypeAlias

from spec.testing.differential.choices import Choices
from spec.testing.differential.programs.type_information import MapShape
from spec.uapi import BPF_F_NO_PREALLOC, MapType

PROGRAMS = "programs"
"""The PROG_ARRAY, which every object has that makes tail calls."""

ARRAYS = (MapType.BPF_MAP_TYPE_ARRAY, MapType.BPF_MAP_TYPE_PERCPU_ARRAY)
LRU = (MapType.BPF_MAP_TYPE_LRU_HASH, MapType.BPF_MAP_TYPE_LRU_PERCPU_HASH)
PER_CPU = (
    MapType.BPF_MAP_TYPE_PERCPU_ARRAY,
    MapType.BPF_MAP_TYPE_PERCPU_HASH,
    MapType.BPF_MAP_TYPE_LRU_PERCPU_HASH,
)
TABLES = (
    *ARRAYS,
    MapType.BPF_MAP_TYPE_HASH,
    MapType.BPF_MAP_TYPE_PERCPU_HASH,
    *LRU,
    MapType.BPF_MAP_TYPE_LPM_TRIE,
)
"""Maps of bytes."""
DEVICES = (MapType.BPF_MAP_TYPE_DEVMAP, MapType.BPF_MAP_TYPE_DEVMAP_HASH)
TARGETS = (*DEVICES, MapType.BPF_MAP_TYPE_CPUMAP, MapType.BPF_MAP_TYPE_XSKMAP)
READ_ONLY = DEVICES
"""Maps whose values programs may only read."""

LRU_ENTRIES = 64
"""More than there are keys: which element a full LRU map gives up, the kernel only approximates."""
KEYS = 8
LOOPBACK = 1

Elements: TypeAlias = tuple[tuple[bytes, bytes], ...]


class FilledMap(NamedTuple):
    """A map and the elements that it begins with; those of per-CPU maps are one CPU's copy."""

    shape: MapShape
    elements: Elements = ()


def choose_maps(choices: Choices) -> tuple[FilledMap, ...]:
    """A few maps of different types."""
    count = choices.one_of((0, 1, 2, 2, 3))
    return tuple(_filled(choices, _shape(choices, f"map_{number}")) for number in range(count))


def _shape(choices: Choices, name: str) -> MapShape:
    type = choices.one_of(TABLES if choices.chance(0.8) else TARGETS)
    if choices.chance(0.15):
        type = MapType.BPF_MAP_TYPE_ARRAY
    if type in TARGETS:
        return MapShape(name, type, 4, 4, choices.integer(1, 4))
    value_size = choices.one_of((8, 4, 16, 24, 1, 5, 64))
    if type == MapType.BPF_MAP_TYPE_LPM_TRIE:
        key_size = choices.one_of((8, 5, 7, 12))
        return MapShape(name, type, key_size, value_size, choices.integer(1, 8), BPF_F_NO_PREALLOC)
    key_size = 4 if type in ARRAYS else choices.one_of((4, 8, 1, 6))
    entries = LRU_ENTRIES if type in LRU else choices.one_of((1, 2, 3, 4, KEYS))
    return MapShape(name, type, key_size, value_size, entries)


def key_of(shape: MapShape, number: int) -> bytes:
    """One of the few keys that are used: a number, or a prefix of a number of bits."""
    if shape.type == MapType.BPF_MAP_TYPE_LPM_TRIE:
        bits = 8 * (shape.key_size - 4)
        data = bytes([number * 36 & 0xFF]) * (shape.key_size - 4)
        return (number * 5 % (bits + 1)).to_bytes(4, sys.byteorder) + data
    return number.to_bytes(shape.key_size, sys.byteorder)


def _filled(choices: Choices, shape: MapShape) -> FilledMap:
    if shape.type == MapType.BPF_MAP_TYPE_CPUMAP or shape.type == MapType.BPF_MAP_TYPE_XSKMAP:
        return FilledMap(shape)
    most = min(shape.max_entries, KEYS)
    numbers = [number for number in range(most) if choices.chance(0.7)]
    if shape.type in DEVICES:
        device = LOOPBACK.to_bytes(4, sys.byteorder)
        return FilledMap(shape, tuple((key_of(shape, number), device) for number in numbers))
    elements = tuple((key_of(shape, each), choices.blob(shape.value_size)) for each in numbers)
    return FilledMap(shape, elements)
