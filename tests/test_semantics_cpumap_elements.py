# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What user space can do with a CPUMAP; every sentence holds on both engines."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from spec.lab import Lab, Map, Program
from spec.uapi import BPF_ANY, BPF_EXIST, BPF_NOEXIST
from tests.refusal import refusal

MAX_QUEUE, NOBODY = 16384, 9999
PATIENCE = 5
"""Seconds."""
LAST_SLOT = 255
"""Of a map with 256 slots, which is more CPUs than the machines have that this runs on."""


@pytest.fixture
def cpus(lab: Lab) -> Map:
    return lab.create_map("cpumap", value_size=8, max_entries=LAST_SLOT + 1)


@pytest.mark.semantics("2.3")
def test_a_cpumap_checks_flags_slot_existence_queue_and_cpu_in_this_order(cpus: Map) -> None:
    beyond, too_long = LAST_SLOT + 1, MAX_QUEUE + 1
    for flags in (3, 1 << 3, 1 << 32):
        assert refusal(cpus.update, beyond, too_long, flags) == "EINVAL"
    assert refusal(cpus.update, beyond, too_long, BPF_NOEXIST) == "E2BIG"
    assert refusal(cpus.update, LAST_SLOT, too_long, BPF_NOEXIST) == "EEXIST"
    assert refusal(cpus.update, LAST_SLOT, too_long) == "EOVERFLOW"
    assert refusal(cpus.update, LAST_SLOT, MAX_QUEUE) == "ENODEV"
    assert refusal(cpus.update, LAST_SLOT, 0) == "ENODEV"


@pytest.mark.semantics("2.3")
def test_every_slot_of_a_cpumap_counts_as_existing(cpus: Map) -> None:
    cpus.update(0, 16, BPF_EXIST)
    assert refusal(cpus.update, 0, 16, BPF_NOEXIST) == "EEXIST"
    assert cpus.lookup(0).ifindex == 16


@pytest.mark.semantics("2.3")
def test_the_longest_queue_holds_16384_frames(cpus: Map) -> None:
    cpus.update(0, MAX_QUEUE)
    assert refusal(cpus.update, 0, MAX_QUEUE + 1) == "EOVERFLOW"


@pytest.mark.semantics("2.3")
def test_a_queue_of_0_empties_the_slot_whatever_program_is_given(
    cpus: Map, programs: Mapping[str, Program]
) -> None:
    for fd in (0, NOBODY, programs["plain"]):
        cpus.update(0, 16)
        cpus.update(0, (0, fd))
        assert refusal(cpus.lookup, 0) == "ENOENT"


@pytest.mark.semantics("P-01", "A-05")
def test_whatever_is_wrong_with_the_program_of_a_cpu_is_enomem(
    cpus: Map, programs: Mapping[str, Program]
) -> None:
    for fd in (programs["plain"], programs["for_devmap"], NOBODY, cpus.fd):
        assert refusal(cpus.update, 0, (16, fd)) == "ENOMEM"
    assert refusal(cpus.lookup, 0) == "ENOENT"


@pytest.mark.semantics("P-02")
def test_only_a_positive_number_names_a_program(cpus: Map, programs: Mapping[str, Program]) -> None:
    for fd in (0, -1, -(1 << 31)):
        cpus.update(0, (16, fd))
        assert cpus.lookup(0).prog_id == 0
    cpus.update(0, (16, programs["for_cpumap"]))
    assert cpus.lookup(0).prog_id == programs["for_cpumap"].id


@pytest.mark.semantics("P-04")
def test_a_lookup_shows_the_length_of_the_queue_and_the_program(
    lab: Lab, cpus: Map, programs: Mapping[str, Program]
) -> None:
    cpus.update(0, (192, programs["for_cpumap"]), BPF_ANY)
    value = cpus.lookup(0)
    assert (len(value), value.ifindex, value.prog_id) == (8, 192, programs["for_cpumap"].id)
    for slot in (1, LAST_SLOT, LAST_SLOT + 1):
        assert refusal(cpus.lookup, slot) == "ENOENT"
    short = lab.create_map("cpumap")
    short.update(0, 16)
    assert len(short.lookup(0)) == 4


@pytest.mark.semantics("P-04")
def test_deleting_an_empty_slot_of_a_cpumap_succeeds(cpus: Map) -> None:
    cpus.update(0, 16)
    cpus.delete(0)
    cpus.delete(0)
    assert refusal(cpus.lookup, 0) == "ENOENT"
    assert refusal(cpus.delete, LAST_SLOT + 1) == "EINVAL"


@pytest.mark.semantics("P-04")
def test_the_keys_of_a_cpumap_are_its_slots_even_if_empty(lab: Lab) -> None:
    cpus = lab.create_map("cpumap", max_entries=3)
    assert list(cpus.keys()) == [0, 1, 2]
    assert cpus.next_key(77) == 0
    assert refusal(cpus.next_key, 2) == "ENOENT"


def threads_once_there_are(map: Map, count: int) -> Mapping[int, str]:
    """The old thread of an entry ends a little later than the entry."""
    deadline = time.monotonic() + PATIENCE
    while len(map.threads) != count and time.monotonic() < deadline:
        time.sleep(0.005)
    return map.threads


@pytest.mark.semantics("P-03")
def test_an_entry_has_a_thread_whose_name_says_cpu_and_map(cpus: Map) -> None:
    assert cpus.threads == {}
    cpus.update(0, 16)
    assert list(cpus.threads.values()) == [f"cpumap/0/map:{cpus.id}"]
    cpus.delete(0)
    assert threads_once_there_are(cpus, 0) == {}


@pytest.mark.semantics("P-03")
def test_the_same_value_again_makes_a_new_thread(cpus: Map) -> None:
    cpus.update(0, 16)
    before = cpus.threads
    cpus.update(0, 16)
    after = threads_once_there_are(cpus, 1)
    assert list(after.values()) == list(before.values())
    assert after.keys().isdisjoint(before)
