# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What user space can do with a DEVMAP_HASH; every sentence holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Lab
from spec.uapi import BPF_ANY, BPF_EXIST, BPF_NOEXIST
from tests.bpf_pieces import ENTRIES
from tests.refusal import refusal

NOBODY = 9999


@pytest.mark.semantics("2.2")
def test_a_devmap_hash_looks_for_the_key_then_at_the_device_then_for_room(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap_hash", max_entries=1), lab.tap("eth0")
    ports.update(7, eth0)
    assert refusal(ports.update, 7, NOBODY, BPF_NOEXIST) == "EEXIST"
    assert refusal(ports.update, 8, NOBODY) == "EINVAL"
    assert refusal(ports.update, 8, eth0) == "E2BIG"
    ports.update(7, eth0)


@pytest.mark.semantics("2.2")
def test_bad_flags_and_ifindex_0_are_refused_before_the_key_is_looked_for(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap_hash", max_entries=1), lab.tap("eth0")
    ports.update(7, eth0)
    for flags in (3, 1 << 3, 1 << 32):
        assert refusal(ports.update, 7, eth0, flags) == "EINVAL"
    for flags in (BPF_ANY, BPF_NOEXIST, BPF_EXIST):
        assert refusal(ports.update, 7, 0, flags) == "EINVAL"
    assert ports.lookup(7).ifindex == eth0.ifindex


@pytest.mark.semantics("2.2")
def test_a_bad_program_is_found_before_the_map_is_found_full(
    lab: Lab, compile_bpf: Callable[..., Path]
) -> None:
    programs = lab.load(compile_bpf(ENTRIES, "entries")).programs
    ports, eth0 = lab.create_map("devmap_hash", value_size=8), lab.tap("eth0")
    ports.update(7, eth0)
    assert refusal(ports.update, 8, (eth0, programs["plain"])) == "EINVAL"
    assert refusal(ports.update, 8, (eth0, programs["for_devmap"])) == "E2BIG"


@pytest.mark.semantics("2.2")
def test_noexist_creates_and_does_not_replace(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap_hash", max_entries=4), lab.tap("eth0")
    ports.update(7, eth0, BPF_NOEXIST)
    assert refusal(ports.update, 7, eth0, BPF_NOEXIST) == "EEXIST"


@pytest.mark.semantics("2.2", "H-04")
def test_replacing_an_entry_puts_it_first_in_its_bucket(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap_hash", max_entries=6), lab.tap("eth0")
    for key in (8, 0, 16):
        ports.update(key, eth0)
    assert list(ports.keys()) == [16, 0, 8]
    ports.update(0, eth0)
    assert list(ports.keys()) == [0, 16, 8]


@pytest.mark.semantics("H-01")
def test_exist_creates_what_is_missing(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap_hash", max_entries=4), lab.tap("eth0")
    ports.update(7, eth0, BPF_EXIST)
    assert ports.lookup(7).ifindex == eth0.ifindex


@pytest.mark.semantics("H-02")
def test_every_32_bit_number_is_a_key(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap_hash", max_entries=4), lab.tap("eth0")
    for key in (0, 1 << 31, 0xFFFFFFFE, 0xFFFFFFFF):
        ports.update(key, eth0)
        assert ports.lookup(key).ifindex == eth0.ifindex


@pytest.mark.semantics("H-03")
def test_looking_up_or_deleting_what_is_not_there_is_enoent(lab: Lab) -> None:
    ports = lab.create_map("devmap_hash", max_entries=4)
    assert refusal(ports.lookup, 1) == refusal(ports.delete, 1) == "ENOENT"
    ports.update(1, lab.tap("eth0"))
    ports.delete(1)
    assert refusal(ports.lookup, 1) == refusal(ports.delete, 1) == "ENOENT"


@pytest.mark.semantics("H-04")
def test_iteration_goes_by_bucket_and_in_each_from_the_newest_to_the_oldest(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap_hash", max_entries=6), lab.tap("eth0")
    for key in (8, 0, 16, 3, 4):
        ports.update(key, eth0)
    assert list(ports.keys()) == [16, 0, 8, 3, 4]


@pytest.mark.semantics("H-04")
def test_after_an_unknown_key_comes_the_first_and_after_the_last_none(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap_hash", max_entries=4), lab.tap("eth0")
    assert refusal(ports.next_key, None) == refusal(ports.next_key, 5) == "ENOENT"
    for key in (2, 1):
        ports.update(key, eth0)
    assert ports.next_key(None) == ports.next_key(77) == ports.next_key(0) == 1
    assert refusal(ports.next_key, 2) == "ENOENT"


@pytest.mark.semantics("H-04")
def test_keys_smaller_than_the_number_of_buckets_come_in_ascending_order(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap_hash", max_entries=8), lab.tap("eth0")
    for key in (5, 0, 7, 2, 3):
        ports.update(key, eth0)
    assert list(ports.keys()) == [0, 2, 3, 5, 7]


@pytest.mark.semantics("C-06", "D-08")
def test_a_devmap_hash_takes_memory_for_its_buckets_and_for_the_entries_it_has(lab: Lab) -> None:
    eth0, sizes = lab.tap("eth0"), {}
    for entries in (3, 4, 5):
        sizes[entries] = lab.create_map("devmap_hash", max_entries=entries).memory
    assert sizes[3] == sizes[4] == sizes[5] - 4 * 8
    ports = lab.create_map("devmap_hash", max_entries=4)
    empty = ports.memory
    ports.update(1, eth0)
    assert ports.memory > empty
    eth0.remove()
    assert ports.memory == empty
