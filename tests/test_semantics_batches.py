# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Many elements in one call on the maps that have it; every sentence holds on both engines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spec import ModelLab
from spec.errors import CannotTellError
from spec.lab import Lab, Map
from spec.uapi import BPF_F_LOCK, BPF_F_RDONLY, BPF_F_WRONLY
from tests.bpf_pieces import INCLUDES
from tests.refusal import refusal

HASHES = ("hash", "lru_hash", "percpu_hash", "lru_percpu_hash")
ARRAYS = ("array", "percpu_array")
WITHOUT = ("prog_array", "perf_event_array", "ringbuf", "devmap", "devmap_hash", "cpumap", "xskmap")
BPF_F_NO_PREALLOC = 1

MAPS_OF_MAPS = f"""{INCLUDES}
#define MAP_OF(kind, name) \\
    struct {{ \\
        __uint(type, kind); __uint(max_entries, 2); __type(key, __u32); \\
        __array(values, struct {{ \\
            __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); \\
            __type(key, __u32); __type(value, __u32); }}); \\
    }} name SEC(".maps");

MAP_OF(BPF_MAP_TYPE_ARRAY_OF_MAPS, by_slot)
MAP_OF(BPF_MAP_TYPE_HASH_OF_MAPS, by_key)

SEC("xdp") int pass(struct xdp_md *ctx) {{ return XDP_PASS; }}
"""


def create(lab: Lab, type: str) -> Map:
    """A map of four elements at most, which would take a value of eight bytes."""
    if type == "ringbuf":
        return lab.create_map(type, 0, 0, 4096)
    if type == "lpm_trie":
        return lab.create_map(type, 8, 8, 4, BPF_F_NO_PREALLOC)
    return lab.create_map(type, value_size=8 if type in (*HASHES, *ARRAYS) else 4, max_entries=4)


def word(number: int) -> bytes:
    """*number* as a key of four bytes."""
    return number.to_bytes(4, sys.byteorder)


def prefix(length: int, data: bytes) -> bytes:
    """A key of an LPM_TRIE."""
    return word(length) + data


def value(lab: Lab, type: str, octet: int) -> bytes:
    """A value of so many bytes as user space has to give."""
    probe = create(lab, type.replace("lru_", "").replace("hash", "array"))
    return bytes([octet]) * len(probe.lookup(0))


@pytest.mark.parametrize("type", HASHES)
def test_a_hash_is_written_read_and_cleared_in_batches(lab: Lab, type: str) -> None:
    map = create(lab, type)
    pairs = [(word(number), value(lab, type, number)) for number in (7, 3, 9)]
    map.update_batch(pairs)
    assert sorted(map.lookup_batch(10)) == sorted(pairs)
    map.delete_batch([7, 9])
    assert map.lookup_batch(10) == [(word(3), value(lab, type, 3))]


@pytest.mark.parametrize("type", ARRAYS)
def test_an_array_is_written_and_read_in_batches_and_cannot_be_cleared(lab: Lab, type: str) -> None:
    map = create(lab, type)
    one, nothing = value(lab, type, 1), value(lab, type, 0)
    map.update_batch([(2, one), (0, one)])
    expected = [(word(0), one), (word(1), nothing), (word(2), one), (word(3), nothing)]
    assert map.lookup_batch(10) == expected
    assert map.lookup_batch(3) == expected[:3]
    assert refusal(map.delete_batch, [0]) == "ENOTSUPP"


def test_a_trie_is_written_read_and_cleared_in_batches(lab: Lab) -> None:
    map = create(lab, "lpm_trie")
    pairs = [(prefix(length, b"abcd"), bytes([length]) * 8) for length in (8, 16, 0)]
    map.update_batch(pairs)
    assert map.lookup_batch(10) == [pairs[1], pairs[0], pairs[2]]
    map.delete_batch([pairs[0][0], pairs[2][0]])
    assert map.lookup_batch(10) == [pairs[1]]


@pytest.mark.parametrize("name", ["by_slot", "by_key"])
def test_maps_of_maps_are_written_and_read_in_batches(
    lab: Lab, compile_bpf: Callable[..., Path], name: str
) -> None:
    outer = lab.load(compile_bpf(MAPS_OF_MAPS, "outer")).maps[name]
    inner = [lab.create_map("array") for _ in range(2)]
    outer.update_batch([(number, inner[number].fd) for number in range(2)])
    assert sorted(outer.lookup_batch(10)) == [(word(n), word(inner[n].id)) for n in range(2)]
    if name == "by_slot":
        assert refusal(outer.delete_batch, [0]) == "ENOTSUPP"
    else:
        outer.delete_batch([0])
        assert outer.lookup_batch(10) == [(word(1), word(inner[1].id))]


@pytest.mark.parametrize("type", WITHOUT)
def test_other_maps_have_no_batches_not_even_empty_ones(lab: Lab, type: str) -> None:
    map = create(lab, type)
    assert refusal(map.update_batch, []) == refusal(map.delete_batch, []) == "ENOTSUPP"
    assert refusal(map.lookup_batch, 0) == "ENOTSUPP"


@pytest.mark.parametrize("type", [*HASHES, *ARRAYS, "lpm_trie"])
def test_an_empty_batch_is_fine(lab: Lab, type: str) -> None:
    map = create(lab, type)
    map.update_batch([])
    assert map.lookup_batch(0) == []


def test_a_batch_ends_at_the_first_refusal_and_what_came_before_stays(lab: Lab) -> None:
    array, hash = create(lab, "array"), create(lab, "hash")
    eight = bytes(7) + b"\1"
    assert refusal(array.update_batch, [(0, eight), (9, eight), (1, eight)]) == "E2BIG"
    assert [bytes(array.lookup(slot)) == eight for slot in range(2)] == [True, False]
    hash.update_batch([(1, eight), (2, eight), (3, eight)])
    assert refusal(hash.delete_batch, [1, 7, 2]) == "ENOENT"
    assert sorted(hash.keys()) == [2, 3]


def test_batches_ask_for_permission_before_anything_else(lab: Lab) -> None:
    for type in ("hash", "devmap_hash"):
        size = 8 if type == "hash" else 4
        read_only = lab.create_map(type, 4, size, 4, BPF_F_RDONLY)
        assert refusal(read_only.update_batch, []) == refusal(read_only.delete_batch, []) == "EPERM"
        assert refusal(read_only.lookup_and_delete, 0) == "EPERM"
        write_only = lab.create_map(type, 4, size, 4, BPF_F_WRONLY)
        assert refusal(write_only.lookup_batch, 1) == "EPERM"
        assert refusal(write_only.lookup_and_delete, 0) == "EPERM"


@pytest.mark.parametrize("type", HASHES)
def test_a_hash_gives_an_element_away_in_one_call(lab: Lab, type: str) -> None:
    map = create(lab, type)
    map.update(5, value(lab, type, 8))
    assert map.lookup_and_delete(5) == value(lab, type, 8)
    assert refusal(map.lookup_and_delete, 5) == "ENOENT"


@pytest.mark.parametrize("type", ["array", "percpu_array", "prog_array", "perf_event_array"])
def test_an_array_gives_nothing_away(lab: Lab, type: str) -> None:
    assert refusal(create(lab, type).lookup_and_delete, 0) == "ENOTSUPP"


@pytest.mark.parametrize("type", [*HASHES, *ARRAYS])
def test_a_lookup_in_an_ordinary_map_takes_no_flags(lab: Lab, type: str) -> None:
    map = create(lab, type)
    map.update(0, value(lab, type, 1))
    assert map.lookup_with_flags(0, 0) == value(lab, type, 1)
    for flags in (1, 2, BPF_F_LOCK):
        assert refusal(map.lookup_with_flags, 0, flags) == "EINVAL"


@pytest.mark.parametrize(
    ("type", "value_size", "each"),
    [("array", 5, 8), ("prog_array", 4, 8), ("cpumap", 4, 8), ("xskmap", 4, 8), ("devmap", 4, 8)],
)
def test_what_an_array_takes_grows_with_its_slots(
    lab: Lab, type: str, value_size: int, each: int
) -> None:
    few, many = (lab.create_map(type, 4, value_size, count) for count in (3, 10))
    assert many.memory - few.memory == 7 * each


def test_what_a_per_cpu_array_takes_grows_with_the_cpus(lab: Lab) -> None:
    few, many = (lab.create_map("percpu_array", 4, 5, count) for count in (3, 10))
    assert many.memory - few.memory == 7 * (8 + len(few.lookup(0)))


def test_what_may_be_mapped_takes_whole_pages(lab: Lab) -> None:
    one, more = (lab.create_map("array", 4, 8, count, 1 << 10) for count in (1, 513))
    assert more.memory - one.memory == one.memory / 2


@pytest.mark.parametrize("type", ["array", "hash", "devmap", "xskmap"])
def test_only_a_cpumap_has_threads(lab: Lab, type: str) -> None:
    assert create(lab, type).threads == {}


@pytest.mark.model
def test_the_model_says_where_it_does_not_know() -> None:
    with ModelLab() as lab, pytest.raises(CannotTellError, match="what a hash takes; ask Linux"):
        _ = create(lab, "hash").memory


@pytest.mark.model
def test_older_releases_lack_some_of_it() -> None:
    with ModelLab("5.10") as lab:
        hash = create(lab, "hash")
        hash.update_batch([(1, bytes(8))])
        assert refusal(hash.lookup_and_delete, 1) == "ENOTSUPP"
        for type in ("percpu_array", "lpm_trie"):
            assert refusal(create(lab, type).lookup_batch, 1) == "ENOTSUPP"
    with ModelLab("5.15") as lab:
        assert create(lab, "percpu_array").lookup_batch(1) != []
        assert create(lab, "lpm_trie").lookup_batch(1) == []
