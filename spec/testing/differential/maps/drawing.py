# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Draws the steps of the maps area: mostly sensible, often borderline, sometimes absurd."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from spec.lab import Map
from spec.testing.differential.choices import Choices
from spec.testing.differential.side import Side
from spec.testing.differential.step import Argument, Step
from spec.uapi import MapType

TYPES = ("devmap", "devmap_hash", "cpumap", "xskmap")
ORDINARY = ("array", "hash")
ORDINARY_TYPES = (MapType.BPF_MAP_TYPE_ARRAY, MapType.BPF_MAP_TYPE_HASH)
SIZES = (1, 2, 3, 4, 5, 7, 8, 16, 33)
UNUSUAL_SIZES = (0, 255, 256, 257, 1000, 4096)
HASH_TOO_LARGE = (0x80000001, 0xFFFFFFFF)
"""Rounding up to a power of two leaves 32 bits, so these cost no memory but are refused."""
FLAGS = (0, 1, 2)
UNUSUAL_FLAGS = (3, 4, 5, 8, 1 << 31, 1 << 32, (1 << 64) - 1)
CREATE_FLAGS = (0x8, 0x10)
UNUSUAL_CREATE_FLAGS = (0x18, 0x80, 0x100, 0x40, 0x400, 0x1000, 0x20, 0x4, 0x1, 0x80000000)
NOT_DESCRIPTORS = (-1, 1, 2, 999_999, 0x7FFFFFFF, -0x80000000)
NOT_DEVICES = (0, 2, 999, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
QUEUE_SIZES = (1, 8, 64, 2048, 16384)
UNUSUAL_QUEUE_SIZES = (0, 16385, 0x80000000, 0xFFFFFFFF)
MOST_MAPS, MOST_DEVICES, MOST_SOCKETS, MOST_NAMESPACES = 6, 5, 3, 2


class Drawer:
    """Draws steps for a session; remembers how many things were named so far."""

    def __init__(self, side: Side, programs: Sequence[str]) -> None:
        self._side, self._programs = side, programs
        self._named: dict[str, int] = {}
        weighted: list[tuple[float, Callable[[Choices], Step]]] = [
            (400, self._update),
            (120, self._lookup),
            (150, self._delete),
            (120, self._next_key),
            (60, self._create_map),
            (30, self._close),
            (30, self._lookup_with_flags),
            (20, self._lookup_and_delete),
            (20, self._batch),
            (3, self._freeze),
            (2, self._add_device),
            (1.5, self._socket),
            (1, self._close_socket),
            (0.8, self._lose_device),
            (0.3, self._namespace),
        ]
        self._total = list(accumulate(weight for weight, _ in weighted))
        self._draws = [draw for _, draw in weighted]

    def draw(self, choices: Choices) -> Step:
        """The next step."""
        if not self._side.maps:
            return self._create_map(choices)
        at = choices.integer(0, int(self._total[-1] * 10) - 1) / 10
        return self._draws[bisect(self._total, at)](choices)

    # Steps.

    def _update(self, choices: Choices) -> Step:
        name, map = self._map(choices)
        flags = choices.one_of(UNUSUAL_FLAGS if choices.chance(0.05) else FLAGS)
        if choices.chance(0.4):
            flags = 0
        arguments = name, self._key(choices, map), self._value(choices, map), flags
        if self._side.namespaces and choices.chance(0.05):
            where = choices.one_of(list(self._side.namespaces))
            return Step("update_from", (where, *arguments))
        return Step("update", arguments)

    def _lookup(self, choices: Choices) -> Step:
        name, map = self._map(choices)
        return Step("lookup", (name, self._key(choices, map)))

    def _delete(self, choices: Choices) -> Step:
        name, map = self._map(choices)
        return Step("delete", (name, self._key(choices, map)))

    def _next_key(self, choices: Choices) -> Step:
        name, map = self._map(choices)
        if map.type == MapType.BPF_MAP_TYPE_HASH:
            return Step("lookup", (name, self._key(choices, map)))  # its order is the kernel's own
        return Step("next_key", (name, None if choices.chance(0.1) else self._key(choices, map)))

    def _lookup_with_flags(self, choices: Choices) -> Step:
        name, map = self._map(choices)
        flags = choices.one_of((0, 1, 2, 4, 8, 1 << 32))
        return Step("lookup_with_flags", (name, self._key(choices, map), flags))

    def _lookup_and_delete(self, choices: Choices) -> Step:
        name, map = self._map(choices)
        if map.type in ORDINARY_TYPES:
            return Step("lookup", (name, self._key(choices, map)))
        return Step("lookup_and_delete", (name, self._key(choices, map)))

    def _batch(self, choices: Choices) -> Step:
        name, map = self._map(choices)
        if map.type in ORDINARY_TYPES:
            return Step("lookup", (name, self._key(choices, map)))
        count = choices.integer(1, 4)
        keys = tuple(self._whole_key(choices, map) for _ in range(count))
        kind = choices.integer(0, 2)
        if kind == 0:
            return Step("lookup_batch", (name, count))
        if kind == 1:
            return Step("delete_batch", (name, keys))
        device = choices.one_of(list(self._side.devices))
        return Step("update_batch", (name, tuple((key, device) for key in keys)))

    def _create_map(self, choices: Choices) -> Step:
        if len(self._side.maps) > MOST_MAPS:
            return Step("close", (self._oldest(self._side.maps),))
        kind: str | int = choices.one_of(TYPES if choices.chance(0.9) else ORDINARY)
        flags = 0
        key_size = value_size = 4
        if kind != "xskmap" and choices.chance(0.7):
            value_size = 8
        entries = choices.one_of(UNUSUAL_SIZES if choices.chance(0.08) else SIZES)
        if choices.chance(0.08):
            flags = choices.one_of(CREATE_FLAGS)
        elif choices.chance(0.04):
            flags = choices.one_of(UNUSUAL_CREATE_FLAGS)
        if choices.chance(0.03):
            key_size = choices.one_of((0, 1, 2, 3, 5, 8))
        if choices.chance(0.03):
            value_size = choices.one_of((0, 1, 2, 3, 5, 7, 12, 16))
        if kind == "devmap_hash" and choices.chance(0.02):
            entries = choices.one_of(HASH_TOO_LARGE)
        definition = kind, key_size, value_size, entries, flags
        return Step("create_map", (self._new("m"), *definition))

    def _close(self, choices: Choices) -> Step:
        return Step("close", (self._map(choices)[0],))

    def _freeze(self, choices: Choices) -> Step:
        return Step("freeze", (self._map(choices)[0],))

    def _add_device(self, choices: Choices) -> Step:
        if len(self._side.lab.devices()) > MOST_DEVICES:
            return self._lose_device(choices)
        if choices.chance(0.1):
            name = self._new("veth")
            return Step("veth", (name, f"{name}_peer"))
        return Step("tap", (self._new("eth"),))

    def _lose_device(self, choices: Choices) -> Step:
        names = [name for name in self._side.devices if name != "lo"]
        if not names:
            return self._add_device(choices)
        name = choices.one_of(names[-4:])
        if self._side.namespaces and choices.chance(0.3):
            return Step("move", (name, choices.one_of(list(self._side.namespaces))))
        return Step("remove", (name,))

    def _namespace(self, choices: Choices) -> Step:
        if len(self._side.namespaces) >= MOST_NAMESPACES:
            return self._update(choices)
        return Step("namespace", (self._new("other"),))

    def _socket(self, choices: Choices) -> Step:
        if len(self._side.sockets) >= MOST_SOCKETS:
            return self._close_socket(choices)
        return Step("socket", (self._new("socket"),))

    def _close_socket(self, choices: Choices) -> Step:
        if not self._side.sockets:
            return self._update(choices)
        return Step("close_socket", (choices.one_of(list(self._side.sockets)),))

    # Their arguments.

    def _map(self, choices: Choices) -> tuple[str, Map]:
        return choices.one_of(list(self._side.maps.items()))

    def _key(self, choices: Choices, map: Map) -> int | bytes:
        if choices.chance(0.02):
            return choices.blob(choices.integer(0, 8))
        return self._whole_key(choices, map)

    def _whole_key(self, choices: Choices, map: Map) -> int | bytes:
        kind = choices.integer(0, 19)
        if map.key_size != 4:
            return choices.blob(map.key_size) if kind < 10 else bytes(map.key_size)
        if kind < 12:
            return choices.integer(0, 4)
        if kind < 16:
            return choices.integer(0, min(map.max_entries, 40))
        if kind < 18:
            return map.max_entries - 1 + choices.integer(0, 2) & 0xFFFFFFFF
        if kind < 19:
            return choices.one_of((0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF))
        return choices.blob(4)

    def _value(self, choices: Choices, map: Map) -> Argument:
        if choices.chance(0.02):
            return choices.blob(choices.integer(0, 12))
        if map.type == MapType.BPF_MAP_TYPE_CPUMAP:
            unusual = choices.chance(0.6)  # for each usual one, the kernel starts a thread
            size = choices.one_of(UNUSUAL_QUEUE_SIZES if unusual else QUEUE_SIZES)
            return size, self._program(choices)
        if map.type == MapType.BPF_MAP_TYPE_XSKMAP:
            return self._one_socket(choices)
        if map.type in ORDINARY_TYPES:
            return choices.blob(map.value_size)
        device: Argument = choices.one_of(list(self._side.devices)[-4:])
        if choices.chance(0.2):
            device = choices.one_of(NOT_DEVICES)
        return device, self._program(choices)

    def _program(self, choices: Choices) -> str | int:
        if choices.chance(0.5):
            return 0
        if choices.chance(0.2):
            return choices.one_of(NOT_DESCRIPTORS)
        if choices.chance(0.05):
            return self._map(choices)[0]
        return choices.one_of(self._programs)

    def _one_socket(self, choices: Choices) -> str | int:
        if self._side.sockets and choices.chance(0.7):
            return choices.one_of(list(self._side.sockets))
        if choices.chance(0.3):
            return choices.one_of(self._programs)
        return choices.one_of(NOT_DESCRIPTORS)

    # Names.

    def _new(self, kind: str) -> str:
        self._named[kind] = self._named.get(kind, 0) + 1
        return f"{kind}{self._named[kind]}"

    @staticmethod
    def _oldest(things: dict[str, Any]) -> str:
        return next(iter(things))
