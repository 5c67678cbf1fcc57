# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The ordinary maps answer user space as the live kernel does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from errno import E2BIG, EBADF, EEXIST, EINVAL, ENOENT, ENOSPC

import pytest

from spec.errors import ENOTSUPP, KernelError
from spec.lab import Lab, Map
from spec.uapi import BPF_EXIST, BPF_F_NO_PREALLOC, BPF_NOEXIST


def word(value: int) -> bytes:
    return value.to_bytes(4, sys.byteorder)


def code_of(operation: Callable[[], object]) -> int:
    """The errno that *operation* ends with; 0 if it succeeds."""
    try:
        operation()
    except KernelError as error:
        return error.errno or 0
    return 0


def keys(map: Map) -> list[bytes]:
    found: list[bytes] = []
    while True:
        try:
            found.append(map.next_key_bytes(found[-1] if found else None))
        except KernelError:
            return found


def create(
    lab: Lab, type: str, key: int = 4, value: int = 4, entries: int = 2, flags: int = 0
) -> Map:
    return lab.create_map(type, key, value, entries, flags)


DEFINITIONS: list[tuple[str, int, int, int, int, int]] = [
    ("array", 4, 4, 0, 0, EINVAL),
    ("array", 8, 4, 1, 0, EINVAL),
    ("array", 4, 0, 1, 0, EINVAL),
    ("array", 4, 4, 1, BPF_F_NO_PREALLOC, EINVAL),
    ("percpu_array", 4, 32769, 1, 0, E2BIG),
    ("hash", 4, 4, 0, 0, EINVAL),
    ("hash", 0, 4, 1, 0, EINVAL),
    ("hash", 4, 0, 1, 0, EINVAL),
    ("hash", 4, 4, 1, 1 << 1, EINVAL),
    ("hash", 4, 4, 1, BPF_F_NO_PREALLOC, 0),
    ("lru_hash", 4, 4, 4, BPF_F_NO_PREALLOC, ENOTSUPP),
    ("percpu_hash", 4, 32769, 1, 0, E2BIG),
    ("lpm_trie", 8, 4, 1, 0, EINVAL),
    ("lpm_trie", 8, 4, 1, BPF_F_NO_PREALLOC, 0),
    ("lpm_trie", 4, 4, 1, BPF_F_NO_PREALLOC, EINVAL),
    ("lpm_trie", 261, 4, 1, BPF_F_NO_PREALLOC, EINVAL),
    ("lpm_trie", 260, 4, 1, BPF_F_NO_PREALLOC, 0),
    ("prog_array", 4, 8, 1, 0, EINVAL),
    ("prog_array", 4, 4, 1, 0, 0),
    ("perf_event_array", 4, 8, 1, 0, EINVAL),
    ("ringbuf", 0, 0, 4096, 0, 0),
    ("ringbuf", 0, 0, 4097, 0, EINVAL),
    ("ringbuf", 0, 0, 2048, 0, EINVAL),
    ("ringbuf", 4, 4, 4096, 0, EINVAL),
]


@pytest.mark.parametrize(("type", "key", "value", "entries", "flags", "expected"), DEFINITIONS)
def test_creating(
    lab: Lab, type: str, key: int, value: int, entries: int, flags: int, expected: int
) -> None:
    assert code_of(lambda: create(lab, type, key, value, entries, flags)) == expected


def test_an_array_has_all_its_slots(lab: Lab) -> None:
    array = create(lab, "array", entries=3)
    assert keys(array) == [word(0), word(1), word(2)]
    assert array.next_key_bytes(word(9)) == word(0)
    assert array.lookup_bytes(word(2)) == word(0)
    assert code_of(lambda: array.lookup_bytes(word(3))) == ENOENT
    array.update_bytes(word(2), word(7), BPF_EXIST)
    assert array.lookup_bytes(word(2)) == word(7)
    assert code_of(lambda: array.update_bytes(word(2), word(7), BPF_NOEXIST)) == EEXIST
    assert code_of(lambda: array.update_bytes(word(3), word(7), BPF_NOEXIST)) == E2BIG
    assert code_of(lambda: array.update_bytes(word(3), word(7), 3)) == EINVAL
    assert code_of(lambda: array.delete_bytes(word(2))) == EINVAL


def test_a_hash_holds_as_many_elements_as_it_was_made_for(lab: Lab) -> None:
    hash = create(lab, "hash")
    assert code_of(lambda: hash.next_key_bytes(None)) == ENOENT
    assert code_of(lambda: hash.lookup_bytes(word(1))) == ENOENT
    assert code_of(lambda: hash.update_bytes(word(1), word(5), BPF_EXIST)) == ENOENT
    hash.update_bytes(word(1), word(5), BPF_NOEXIST)
    assert code_of(lambda: hash.update_bytes(word(1), word(5), BPF_NOEXIST)) == EEXIST
    hash.update_bytes(word(2), word(6), 0)
    assert code_of(lambda: hash.update_bytes(word(3), word(7), 0)) == E2BIG
    hash.update_bytes(word(2), word(8), 0)
    assert sorted(keys(hash)) == sorted([word(1), word(2)])
    assert hash.lookup_bytes(word(2)) == word(8)
    hash.delete_bytes(word(1))
    assert code_of(lambda: hash.delete_bytes(word(1))) == ENOENT
    assert keys(hash) == [word(2)]
    assert hash.next_key_bytes(word(1)) == word(2)


def test_an_lru_hash_makes_room(lab: Lab) -> None:
    lru = create(lab, "lru_hash", entries=4)
    for number in range(40):
        lru.update_bytes(word(number), word(number), 0)
    assert lru.lookup_bytes(word(39)) == word(39)
    assert 0 < len(keys(lru)) < 40


@pytest.mark.parametrize("type", ["percpu_array", "percpu_hash"])
def test_a_per_cpu_value_has_a_copy_for_each_cpu(lab: Lab, type: str) -> None:
    map = create(lab, type)
    size = len(create(lab, "percpu_array").lookup_bytes(word(0)))
    assert size % 8 == 0
    value = word(7) + bytes(size - 4)
    map.update_bytes(word(1), value, 0)
    assert map.lookup_bytes(word(1)) == value


def prefix(length: int, *data: int) -> bytes:
    return word(length) + bytes([*data, *[0] * (4 - len(data))])


def test_a_trie_finds_the_longest_prefix(lab: Lab) -> None:
    trie = create(lab, "lpm_trie", 8, 4, 4, BPF_F_NO_PREALLOC)
    assert code_of(lambda: trie.lookup_bytes(prefix(32, 10, 1, 2, 3))) == ENOENT
    trie.update_bytes(prefix(8, 10), word(8), 0)
    trie.update_bytes(prefix(16, 10, 1), word(16), BPF_NOEXIST)
    trie.update_bytes(prefix(0), word(0), 0)
    assert trie.lookup_bytes(prefix(32, 10, 1, 2, 3)) == word(16)
    assert trie.lookup_bytes(prefix(32, 10, 2, 2, 3)) == word(8)
    assert trie.lookup_bytes(prefix(12, 10, 1)) == word(8)
    assert trie.lookup_bytes(prefix(32, 192, 168)) == word(0)
    assert code_of(lambda: trie.lookup_bytes(prefix(33, 10))) == ENOENT
    assert code_of(lambda: trie.update_bytes(prefix(33, 10), word(1), 0)) == EINVAL
    assert code_of(lambda: trie.update_bytes(prefix(16, 10, 1), word(1), BPF_NOEXIST)) == EEXIST
    assert code_of(lambda: trie.update_bytes(prefix(17, 10, 1), word(1), BPF_EXIST)) == ENOENT
    trie.update_bytes(prefix(9, 11, 128), word(9), 0)
    assert code_of(lambda: trie.update_bytes(prefix(24, 9), word(1), 0)) == ENOSPC
    assert keys(trie) == [prefix(16, 10, 1), prefix(8, 10), prefix(9, 11, 128), prefix(0)]
    trie.delete_bytes(prefix(8, 10, 77))
    assert code_of(lambda: trie.delete_bytes(prefix(8, 10))) == ENOENT
    assert trie.lookup_bytes(prefix(32, 10, 2, 2, 3)) == word(0)


def test_a_program_array_holds_programs(lab: Lab) -> None:
    array = create(lab, "prog_array")
    assert keys(array) == [word(0), word(1)]
    assert code_of(lambda: array.lookup_bytes(word(0))) == ENOENT
    assert code_of(lambda: array.update_bytes(word(0), word(999_999), 0)) == EBADF
    assert code_of(lambda: array.update_bytes(word(0), word(0), BPF_NOEXIST)) == EINVAL
    assert code_of(lambda: array.update_bytes(word(2), word(0), 0)) == E2BIG
    assert code_of(lambda: array.delete_bytes(word(0))) == ENOENT
    assert code_of(lambda: array.delete_bytes(word(2))) == E2BIG


def test_a_ring_buffer_has_no_elements(lab: Lab) -> None:
    ring = create(lab, "ringbuf", 0, 0, 4096)
    assert code_of(lambda: ring.next_key_bytes(None)) == ENOTSUPP
    assert code_of(lambda: ring.lookup_bytes(b"")) == EINVAL
    assert code_of(lambda: ring.update_bytes(b"", b"", 0)) == EINVAL
    assert code_of(lambda: ring.delete_bytes(b"")) == EINVAL
