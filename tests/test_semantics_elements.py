# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What user space can do with the slots of a DEVMAP; every sentence holds on both engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from spec.lab import Lab, Program
from spec.uapi import BPF_ANY, BPF_EXIST, BPF_NOEXIST
from tests.bpf_pieces import DEVMAP, INCLUDES, map_of, program
from tests.refusal import refusal

NOBODY = 9999
"""An ifindex, or a descriptor, of nothing."""
FRAME = bytes(60)


@pytest.mark.semantics("2.1")
def test_a_devmap_checks_flags_then_the_slot_then_existence_then_the_device(lab: Lab) -> None:
    ports = lab.create_map("devmap", max_entries=4)
    for flags in (3, 1 << 3, 1 << 32, (1 << 64) - 1 ^ 4):
        assert refusal(ports.update, 4, NOBODY, flags) == "EINVAL"
    assert refusal(ports.update, 4, NOBODY, BPF_NOEXIST) == "E2BIG"
    assert refusal(ports.update, 0xFFFFFFFF, 0, BPF_ANY) == "E2BIG"
    assert refusal(ports.update, 3, NOBODY, BPF_NOEXIST) == "EEXIST"
    assert refusal(ports.update, 3, NOBODY, BPF_ANY) == "EINVAL"


@pytest.mark.semantics("2.1")
def test_every_slot_of_a_devmap_counts_as_existing_even_when_it_is_empty(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap", max_entries=4), lab.tap("eth0")
    for before in ("empty", "full"):
        assert refusal(ports.update, 1, eth0, BPF_NOEXIST) == "EEXIST", before
        ports.update(1, eth0)


@pytest.mark.semantics("2.1")
@pytest.mark.parametrize("value_size", [4, 8])
def test_ifindex_0_empties_a_slot(lab: Lab, value_size: int) -> None:
    ports = lab.create_map("devmap", value_size=value_size, max_entries=4)
    for flags in (BPF_ANY, BPF_EXIST):
        ports.update(1, lab.tap(f"eth{flags}"))
        ports.update(1, 0, flags)
        assert refusal(ports.lookup, 1) == "ENOENT"
    ports.update(1, 0)


@pytest.mark.semantics("2.1")
def test_ifindex_0_with_a_program_is_refused_whatever_its_descriptor_is(
    lab: Lab, programs: Mapping[str, Program]
) -> None:
    ports, eth0 = lab.create_map("devmap", value_size=8), lab.tap("eth0")
    ports.update(0, eth0)
    for fd in (programs["for_devmap"], programs["plain"], NOBODY):
        assert refusal(ports.update, 0, (0, fd)) == "EINVAL"
    assert ports.lookup(0).ifindex == eth0.ifindex
    ports.update(0, (0, -1))
    assert refusal(ports.lookup, 0) == "ENOENT"


@pytest.mark.semantics("2.1", "A-05")
@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_whatever_is_wrong_with_a_device_or_its_program_is_einval(
    lab: Lab, programs: Mapping[str, Program], type: str
) -> None:
    ports, eth0 = lab.create_map(type, value_size=8), lab.tap("eth0")
    assert refusal(ports.update, 0, (NOBODY, programs["for_devmap"])) == "EINVAL"
    closed = programs["for_cpumap"].fd
    programs["for_cpumap"].close()
    for fd in (programs["plain"], programs["for_cpumap_with_frags"], closed, NOBODY, ports.fd):
        assert refusal(ports.update, 0, (eth0, fd)) == "EINVAL"
    assert refusal(ports.lookup, 0) == "ENOENT"
    ports.update(0, (eth0, programs["for_devmap"]))


@pytest.mark.semantics("2.1")
def test_a_refused_update_leaves_the_slot_as_it_was(
    lab: Lab, programs: Mapping[str, Program]
) -> None:
    ports, eth0 = lab.create_map("devmap", value_size=8), lab.tap("eth0")
    ports.update(0, (eth0, programs["for_devmap"]))
    before = ports.lookup(0)
    refusal(ports.update, 0, NOBODY)
    refusal(ports.update, 0, (eth0, programs["plain"]))
    refusal(ports.update, 0, eth0, BPF_NOEXIST)
    assert ports.lookup(0) == before


@pytest.mark.semantics("D-01")
def test_exist_fills_an_empty_slot_like_any(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap", max_entries=4), lab.tap("eth0")
    ports.update(1, eth0, BPF_EXIST)
    ports.update(2, eth0, BPF_ANY)
    assert ports.lookup(1) == ports.lookup(2)


@pytest.mark.semantics("D-02")
@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_only_a_positive_number_names_a_program(lab: Lab, type: str) -> None:
    ports, eth0 = lab.create_map(type, value_size=8), lab.tap("eth0")
    for fd in (0, -1, -NOBODY, -(1 << 31)):
        ports.update(0, (eth0, fd))
        assert (ports.lookup(0).ifindex, ports.lookup(0).prog_id) == (eth0.ifindex, 0)
    assert refusal(ports.update, 0, (eth0, 1)) == "EINVAL"


@pytest.mark.semantics("D-03")
@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_an_ifindex_counts_in_the_namespace_of_who_stores_it(lab: Lab, type: str) -> None:
    ports, eth0 = lab.create_map(type), lab.tap("eth0")
    elsewhere = lab.namespace()
    eth0.move(elsewhere)
    assert refusal(ports.update, 0, eth0) == "EINVAL"
    with elsewhere.inside():
        ports.update(0, eth0)
    assert ports.lookup(0).ifindex == eth0.ifindex


@pytest.mark.semantics("D-03")
@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_every_namespace_has_a_loopback_device_with_the_same_ifindex(lab: Lab, type: str) -> None:
    ports, other = lab.create_map(type), lab.namespace()
    with other.inside():
        ports.update(0, lab.lo.ifindex)
    assert ports.lookup(0).ifindex == lab.lo.ifindex
    other.close()
    assert lab.device_name(lab.lo.ifindex) == "lo"


@pytest.mark.semantics("D-03")
def test_an_entry_may_lead_out_of_the_namespace_in_which_the_program_runs(
    lab: Lab, compile_bpf: Callable[..., Path]
) -> None:
    source = INCLUDES + map_of(DEVMAP) + program("return bpf_redirect_map(&targets, 0, 0);")
    eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
    with lab.load(compile_bpf(source, "out")) as loaded:
        loaded.maps["targets"].update(0, eth1)
        eth0.move(lab.namespace())
        eth0.up()
        eth0.attach(loaded.programs["asked"])
        eth0.receive(FRAME)
        assert eth1.sent == [FRAME]


@pytest.mark.semantics("D-04")
@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_a_lookup_finds_the_ifindex_as_it_was_given_and_the_program_by_its_id(
    lab: Lab, programs: Mapping[str, Program], type: str
) -> None:
    ports = lab.create_map(type, value_size=8, max_entries=4)
    eth0, entered = lab.tap("eth0"), programs["for_devmap"]
    ports.update(1, (eth0, entered))
    value = ports.lookup(1)
    assert (value.ifindex, value.prog_id) == (eth0.ifindex, entered.id)
    assert repr(value) == "eth0 with program for_devmap"
    assert entered.id != entered.fd
    for slot in (0, 4, 0xFFFFFFFF):
        assert refusal(ports.lookup, slot) == "ENOENT"
    ports.update(1, (eth0, -1))
    assert ports.lookup(1).prog_id == 0


@pytest.mark.semantics("D-04")
def test_a_lookup_is_as_long_as_the_values_of_the_map(lab: Lab) -> None:
    eth0 = lab.tap("eth0")
    for value_size in (4, 8):
        ports = lab.create_map("devmap", value_size=value_size)
        ports.update(0, eth0)
        assert len(ports.lookup(0)) == value_size


@pytest.mark.semantics("D-05")
def test_deleting_an_empty_slot_succeeds_and_a_slot_too_far_is_einval(lab: Lab) -> None:
    ports = lab.create_map("devmap", max_entries=3)
    ports.update(2, lab.tap("eth0"))
    ports.delete(2)
    ports.delete(2)
    assert refusal(ports.lookup, 2) == "ENOENT"
    for slot in (3, 0xFFFFFFFF):
        assert refusal(ports.delete, slot) == "EINVAL"


@pytest.mark.semantics("D-06")
def test_the_keys_of_a_devmap_are_its_slots_even_if_empty(lab: Lab) -> None:
    ports = lab.create_map("devmap", max_entries=3)
    assert list(ports.keys()) == [0, 1, 2]
    for beyond in (None, 3, 77, 0xFFFFFFFF):
        assert ports.next_key(beyond) == 0
    assert refusal(ports.next_key, 2) == "ENOENT"


@pytest.mark.semantics("D-06")
def test_a_devmap_of_one_slot_has_nothing_after_it(lab: Lab) -> None:
    ports = lab.create_map("devmap", max_entries=1)
    assert ports.next_key(None) == 0
    assert refusal(ports.next_key, 0) == "ENOENT"


@pytest.mark.semantics("D-08")
def test_an_entry_is_counted_when_it_is_stored_and_when_it_is_deleted(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap", max_entries=4), lab.tap("eth0")
    empty = ports.memory
    ports.update(0, eth0)
    full = ports.memory
    assert full > empty
    ports.update(0, eth0)
    assert ports.memory == full
    ports.delete(0)
    ports.delete(0)
    assert ports.memory == empty


@pytest.mark.semantics("D-08")
def test_ifindex_0_leaves_the_count_of_entries_too_high(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap", max_entries=4), lab.tap("eth0")
    empty = ports.memory
    ports.update(0, eth0)
    entry = ports.memory - empty
    ports.update(0, 0)
    assert ports.memory == empty + entry
    for _ in range(3):
        ports.update(0, 0)
    assert ports.memory == empty + 4 * entry
    ports.update(0, eth0)
    eth0.remove()
    assert ports.memory == empty + 4 * entry
