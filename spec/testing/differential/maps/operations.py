# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What can be done with maps from user space, and what else happens to what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spec.lab import Key, Map
from spec.testing.differential.lab_session import Operation, called
from spec.testing.differential.side import Answer, Side
from spec.testing.differential.step import Argument
from spec.uapi import MapType

DEVICES = (MapType.BPF_MAP_TYPE_DEVMAP, MapType.BPF_MAP_TYPE_DEVMAP_HASH)
CPUS = MapType.BPF_MAP_TYPE_CPUMAP


def read(side: Side, map: Map, value: bytes) -> Answer:
    """An element's value by names: ``("eth1", "entry_pass")``."""
    if map.type in DEVICES:
        ifindex, *program = side.words(value)
        return side.device_name(ifindex), *map_programs(side, program)
    if map.type == CPUS:
        size, *program = side.words(value)
        return size, *map_programs(side, program)
    return bytes(value)


def map_programs(side: Side, ids: Sequence[int]) -> list[int | str]:
    """The programs with these ids."""
    return [side.program_name(number) for number in ids]


def create_map(side: Side, name: str, *definition: Any) -> Answer:
    map = side.lab.create_map(*definition)
    side.closed.discard(name)
    side.add_map(name, map)
    return map.type, map.key_size, map.value_size, map.max_entries


def close(side: Side, name: str) -> Answer:
    side.map(name).close()
    if name in side.closed:
        del side.maps[name]  # it has been asked things without a descriptor for long enough
    side.closed.add(name)


def update(side: Side, name: str, key: Key, value: Argument, flags: int) -> Answer:
    side.map(name).update(key, side.value(value), flags)


def update_from(
    side: Side, namespace: str, name: str, key: Key, value: Argument, flags: int
) -> Answer:
    map, stored = side.map(name), side.value(value)
    with side.namespace(namespace).inside():
        map.update(key, stored, flags)


def lookup(side: Side, name: str, key: Key) -> Answer:
    map = side.map(name)
    return read(side, map, map.lookup_bytes(_raw(map, key)))


def lookup_with_flags(side: Side, name: str, key: Key, flags: int) -> Answer:
    map = side.map(name)
    return read(side, map, map.lookup_with_flags(_raw(map, key), flags))


def lookup_and_delete(side: Side, name: str, key: Key) -> Answer:
    map = side.map(name)
    return read(side, map, map.lookup_and_delete(_raw(map, key)))


def delete(side: Side, name: str, key: Key) -> Answer:
    side.map(name).delete(key)


def next_key(side: Side, name: str, key: Key | None) -> Answer:
    return side.map(name).next_key(key)


def update_batch(side: Side, name: str, pairs: Sequence[tuple[Key, Argument]]) -> Answer:
    side.map(name).update_batch([(key, side.value(value)) for key, value in pairs])


def lookup_batch(side: Side, name: str, count: int) -> Answer:
    map = side.map(name)
    return [(key, read(side, map, value)) for key, value in map.lookup_batch(count)]


def delete_batch(side: Side, name: str, keys: Sequence[Key]) -> Answer:
    side.map(name).delete_batch(keys)


def freeze(side: Side, name: str) -> Answer:
    side.map(name).freeze()


def tap(side: Side, name: str) -> Answer:
    side.add_device(name, side.lab.tap(name))


def veth(side: Side, name: str, peer: str) -> Answer:
    device = side.lab.veth(name, peer)
    side.add_device(name, device)
    if device.peer is not None:
        side.add_device(peer, device.peer)


def remove(side: Side, name: str) -> Answer:
    side.device(name).remove()


def move(side: Side, name: str, namespace: str) -> Answer:
    side.device(name).move(side.namespace(namespace))


def namespace(side: Side, name: str) -> Answer:
    side.namespaces[name] = side.lab.namespace()


def socket(side: Side, name: str) -> Answer:
    side.sockets[name] = side.lab.socket(ring=4, fill=0, frame_size=4096)


def close_socket(side: Side, name: str) -> Answer:
    side.socket(name).close()
    side.closed.add(name)


def _raw(map: Map, key: Key) -> bytes:
    return map._key(key)


def _write_creation(name: str, type: str | int, *rest: Argument) -> str:
    return f"{name} = lab.create_map({type!r}, {', '.join(map(repr, rest))})"


def _write_update_from(namespace: str, *rest: Argument) -> str:
    return f"with {namespace}.inside(): {called('update')(*rest)}"


def _write_veth(name: str, peer: str) -> str:
    return f"{name} = lab.veth({name!r}, {peer!r}); {peer} = {name}.peer"


OPERATIONS = {
    "create_map": Operation(create_map, _write_creation),
    "close": Operation(close, called("close")),
    "update": Operation(update, called("update")),
    "update_from": Operation(update_from, _write_update_from),
    "lookup": Operation(lookup, called("lookup")),
    "lookup_with_flags": Operation(lookup_with_flags, called("lookup_with_flags")),
    "lookup_and_delete": Operation(lookup_and_delete, called("lookup_and_delete")),
    "delete": Operation(delete, called("delete")),
    "next_key": Operation(next_key, called("next_key")),
    "update_batch": Operation(update_batch, called("update_batch")),
    "lookup_batch": Operation(lookup_batch, called("lookup_batch")),
    "delete_batch": Operation(delete_batch, called("delete_batch")),
    "freeze": Operation(freeze, called("freeze")),
    "tap": Operation(tap, lambda name: f"{name} = lab.tap({name!r})"),
    "veth": Operation(veth, _write_veth),
    "remove": Operation(remove, called("remove")),
    "move": Operation(move, called("move")),
    "namespace": Operation(namespace, lambda name: f"{name} = lab.namespace()"),
    "socket": Operation(socket, lambda name: f"{name} = lab.socket(ring=4, fill=0)"),
    "close_socket": Operation(close_socket, called("close")),
}
