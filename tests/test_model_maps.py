# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What user space can do with the four redirect maps; every sentence holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.errors import KernelError, errno_name
from spec.lab import Lab, LoadedObject
from spec.uapi import (
    BPF_ANY,
    BPF_EXIST,
    BPF_F_LOCK,
    BPF_F_RDONLY,
    BPF_F_RDONLY_PROG,
    BPF_F_WRONLY,
    BPF_NOEXIST,
)
from tests.model_programs import FRAGS_SOURCE, SOURCE

FOUR = ("devmap", "devmap_hash", "cpumap", "xskmap")
MISSING_IFINDEX = 99


@pytest.fixture
def loaded(lab: Lab, compile_bpf: Callable[..., Path]) -> LoadedObject:
    return lab.load(compile_bpf(SOURCE, "model_programs"))


def refusal(operation: Callable[..., object], *arguments: object, **options: object) -> str:
    """The name of the errno with which the kernel refuses *operation*."""
    with pytest.raises(KernelError) as caught:
        operation(*arguments, **options)
    return errno_name(caught.value.errno or 0)


@pytest.mark.parametrize("type", FOUR)
@pytest.mark.parametrize(
    "wrong", [{"key_size": 8}, {"value_size": 12}, {"max_entries": 0}, {"map_flags": 1}], ids=str
)
def test_creation_refuses_wrong_sizes_and_flags(lab: Lab, type: str, wrong: dict[str, int]) -> None:
    assert refusal(lab.create_map, type, **wrong) == "EINVAL"


@pytest.mark.parametrize("type", FOUR)
def test_creation_refuses_a_map_that_nobody_may_use(lab: Lab, type: str) -> None:
    assert refusal(lab.create_map, type, map_flags=BPF_F_RDONLY | BPF_F_WRONLY) == "EINVAL"


@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_the_kernel_itself_makes_maps_of_devices_read_only_for_programs(
    lab: Lab, type: str
) -> None:
    assert lab.create_map(type).map_flags == BPF_F_RDONLY_PROG
    assert refusal(lab.create_map, type, map_flags=BPF_F_RDONLY_PROG) == "EINVAL"


def test_only_xskmap_has_one_size_of_values(lab: Lab) -> None:
    assert [lab.create_map(type, value_size=8).value_size for type in FOUR[:3]] == [8, 8, 8]
    assert refusal(lab.create_map, "xskmap", value_size=8) == "EINVAL"


def test_each_type_has_its_own_limit_of_entries(lab: Lab) -> None:
    assert refusal(lab.create_map, "cpumap", max_entries=100_000) == "E2BIG"
    assert refusal(lab.create_map, "devmap_hash", max_entries=(1 << 31) + 1) == "EINVAL"
    assert refusal(lab.create_map, "devmap", max_entries=0xFFFFFFFF) == "ENOMEM"
    assert refusal(lab.create_map, "xskmap", max_entries=0xFFFFFFFF) == "ENOMEM"


def test_every_slot_of_a_devmap_counts_as_existing(lab: Lab) -> None:
    ports = lab.create_map("devmap", max_entries=4)
    eth0 = lab.tap("eth0")
    assert refusal(ports.update, 1, eth0, BPF_NOEXIST) == "EEXIST"
    ports.update(1, eth0, BPF_EXIST)
    assert ports.lookup(1).ifindex == eth0.ifindex


def test_a_devmap_checks_flags_then_key_then_existence_then_the_device(lab: Lab) -> None:
    ports = lab.create_map("devmap", max_entries=4)
    for flags in (3, 1 << 3, 1 << 32):
        assert refusal(ports.update, 4, MISSING_IFINDEX, flags) == "EINVAL"
    assert refusal(ports.update, 4, MISSING_IFINDEX, BPF_NOEXIST) == "E2BIG"
    assert refusal(ports.update, 3, MISSING_IFINDEX, BPF_NOEXIST) == "EEXIST"
    assert refusal(ports.update, 3, MISSING_IFINDEX, BPF_ANY) == "EINVAL"


def test_ifindex_0_clears_a_slot_of_a_devmap(lab: Lab) -> None:
    ports = lab.create_map("devmap", value_size=8, max_entries=4)
    ports.update(1, lab.tap("eth0"))
    ports.update(1, 0)
    assert refusal(ports.lookup, 1) == "ENOENT"


def test_ifindex_0_with_a_program_is_refused(loaded: LoadedObject) -> None:
    ports, program = loaded.maps["tx_port"], loaded.programs["entry_pass"]
    assert refusal(ports.update, 0, (0, program)) == "EINVAL"


def test_keys_of_a_devmap_are_its_slots_even_if_empty(lab: Lab) -> None:
    ports = lab.create_map("devmap", max_entries=3)
    assert list(ports.keys()) == [0, 1, 2]
    assert ports.next_key(77) == 0
    assert refusal(ports.next_key, 2) == "ENOENT"


def test_deleting_an_empty_slot_succeeds_and_a_slot_too_far_does_not(lab: Lab) -> None:
    ports = lab.create_map("devmap", max_entries=3)
    ports.delete(2)
    assert refusal(ports.delete, 3) == "EINVAL"
    assert refusal(ports.lookup, 3) == "ENOENT"


def test_a_devmap_hash_minds_noexist_and_ignores_exist(lab: Lab) -> None:
    ports = lab.create_map("devmap_hash", max_entries=4)
    eth0 = lab.tap("eth0")
    ports.update(7, eth0, BPF_NOEXIST)
    assert refusal(ports.update, 7, eth0, BPF_NOEXIST) == "EEXIST"
    ports.update(0xFFFFFFFF, eth0, BPF_EXIST)
    assert ports.lookup(0xFFFFFFFF).ifindex == eth0.ifindex


def test_a_devmap_hash_looks_for_the_key_before_it_looks_at_the_device(lab: Lab) -> None:
    ports = lab.create_map("devmap_hash", max_entries=1)
    eth0 = lab.tap("eth0")
    ports.update(7, eth0)
    assert refusal(ports.update, 7, MISSING_IFINDEX, BPF_NOEXIST) == "EEXIST"
    assert refusal(ports.update, 8, MISSING_IFINDEX) == "EINVAL"
    assert refusal(ports.update, 8, eth0) == "E2BIG"
    assert refusal(ports.update, 7, 0) == "EINVAL"


def test_deleting_a_key_that_a_devmap_hash_lacks_is_enoent(lab: Lab) -> None:
    ports = lab.create_map("devmap_hash", max_entries=4)
    assert refusal(ports.delete, 1) == "ENOENT"
    assert refusal(ports.next_key, None) == "ENOENT"


def test_a_devmap_hash_iterates_by_bucket_newest_first(lab: Lab) -> None:
    ports = lab.create_map("devmap_hash", max_entries=6)
    eth0 = lab.tap("eth0")
    for key in (8, 0, 16, 3, 4):
        ports.update(key, eth0)
    assert list(ports.keys()) == [16, 0, 8, 3, 4]
    ports.update(8, eth0)
    assert list(ports.keys()) == [8, 16, 0, 3, 4]
    assert ports.next_key(12345) == 8


def test_a_program_goes_in_by_descriptor_and_comes_back_by_id(
    lab: Lab, loaded: LoadedObject
) -> None:
    eth0, program = lab.tap("eth0"), loaded.programs["entry_pass"]
    for name in ("tx_port", "forward_map"):
        ports = loaded.maps[name]
        ports.update(1, (eth0, program))
        assert ports.lookup(1).prog_id == program.id
        assert repr(ports.lookup(1)) == "eth0 with program entry_pass"
        ports.update(1, (eth0, -1))
        assert ports.lookup(1).prog_id == 0


@pytest.mark.parametrize("name", ["tx_port", "forward_map"])
def test_whatever_is_wrong_with_an_entrys_program_is_einval(
    lab: Lab, loaded: LoadedObject, name: str
) -> None:
    ports, eth0 = loaded.maps[name], lab.tap("eth0")
    not_for_entries = loaded.programs["by_slot"], loaded.programs["cpu_pass"]
    for program in (*not_for_entries, 9999, ports.fd):
        assert refusal(ports.update, 1, (eth0, program)) == "EINVAL"
    assert refusal(ports.lookup, 1) == "ENOENT"


def test_programs_that_share_a_devmap_agree_about_fragments(
    lab: Lab, loaded: LoadedObject, compile_bpf: Callable[..., Path]
) -> None:
    eth0 = lab.tap("eth0")
    knows = lab.load(compile_bpf(FRAGS_SOURCE, "model_frags")).programs["entry_knows_frags"]
    assert refusal(loaded.maps["tx_port"].update, 0, (eth0, knows)) == "EINVAL"


def test_the_first_program_in_a_devmap_hash_decides_about_fragments_for_good(
    lab: Lab, loaded: LoadedObject, compile_bpf: Callable[..., Path]
) -> None:
    eth0, ports = lab.tap("eth0"), loaded.maps["forward_map"]
    knows = lab.load(compile_bpf(FRAGS_SOURCE, "model_frags")).programs["entry_knows_frags"]
    ports.update(0, (eth0, knows))
    ports.delete(0)
    assert refusal(ports.update, 0, (eth0, loaded.programs["entry_pass"])) == "EINVAL"


def test_a_cpumap_checks_in_its_own_order(loaded: LoadedObject) -> None:
    cpus = loaded.maps["cpu_map"]
    assert refusal(cpus.update, 4, 0, 4) == "EINVAL"
    assert refusal(cpus.update, 4, 20000, BPF_NOEXIST) == "E2BIG"
    assert refusal(cpus.update, 1, 20000, BPF_NOEXIST) == "EEXIST"
    assert refusal(cpus.update, 3, 20000) == "EOVERFLOW"
    assert refusal(cpus.update, 0, (192, loaded.programs["entry_pass"])) == "ENOMEM"
    cpus.update(0, (0, 9999))
    assert refusal(cpus.lookup, 0) == "ENOENT"
    assert refusal(cpus.delete, 4) == "EINVAL"


def test_a_cpumap_shows_queue_size_and_program(loaded: LoadedObject) -> None:
    cpus, program = loaded.maps["cpu_map"], loaded.programs["cpu_pass"]
    cpus.update(0, (192, program))
    value = cpus.lookup(0)
    assert (value.ifindex, value.prog_id) == (192, program.id)


def test_an_xskmap_takes_only_sockets_and_shows_nothing(lab: Lab) -> None:
    sockets = lab.create_map("xskmap", max_entries=4)
    assert refusal(sockets.update, 4, 9999) == "E2BIG"
    assert refusal(sockets.update, 0, 9999) == "EBADF"
    assert refusal(sockets.update, 0, sockets.fd) == "ENOTSOCK"
    assert refusal(sockets.lookup, 77) == "EOPNOTSUPP"
    sockets.delete(0)
    assert refusal(sockets.delete, 4) == "EINVAL"


@pytest.mark.parametrize("type", ["devmap", "devmap_hash", "cpumap"])
def test_a_lock_flag_makes_no_sense_on_maps_without_locks(lab: Lab, type: str) -> None:
    assert refusal(lab.create_map(type).update, 0, 1, BPF_F_LOCK) == "EINVAL"


def test_a_read_only_descriptor_refuses_writing_and_the_other_way_round(lab: Lab) -> None:
    eth0 = lab.tap("eth0")
    read_only = lab.create_map("devmap", map_flags=BPF_F_RDONLY)
    write_only = lab.create_map("devmap", map_flags=BPF_F_WRONLY)
    assert refusal(read_only.update, 0, eth0) == refusal(read_only.delete, 0) == "EPERM"
    assert refusal(write_only.lookup, 0) == refusal(write_only.next_key, None) == "EPERM"
    assert read_only.map_flags == write_only.map_flags == BPF_F_RDONLY_PROG


def test_a_frozen_map_is_only_read(lab: Lab) -> None:
    eth0, ports = lab.tap("eth0"), lab.create_map("devmap")
    ports.update(0, eth0)
    ports.freeze()
    assert refusal(ports.update, 0, eth0) == refusal(ports.delete, 0) == "EPERM"
    assert refusal(ports.freeze) == "EPERM"
    assert ports.lookup(0).ifindex == eth0.ifindex


def test_a_refused_update_changes_nothing(lab: Lab, loaded: LoadedObject) -> None:
    ports, eth0 = loaded.maps["tx_port"], lab.tap("eth0")
    ports.update(0, (eth0, loaded.programs["entry_pass"]))
    before = ports.lookup(0)
    refusal(ports.update, 0, MISSING_IFINDEX)
    refusal(ports.update, 0, (eth0, loaded.programs["by_slot"]))
    assert ports.lookup(0) == before


def test_a_device_that_goes_takes_its_entries_along(lab: Lab) -> None:
    eth0, ports = lab.tap("eth0"), lab.create_map("devmap")
    hashed = lab.create_map("devmap_hash", max_entries=1)
    ports.update(0, eth0)
    hashed.update(5, eth0)
    eth0.down()
    assert ports.lookup(0).ifindex == eth0.ifindex
    eth0.remove()
    assert refusal(ports.lookup, 0) == refusal(hashed.lookup, 5) == "ENOENT"
    hashed.update(6, lab.tap("eth1"))


def test_a_device_that_moves_leaves_its_entries_behind(lab: Lab) -> None:
    eth0, ports = lab.tap("eth0"), lab.create_map("devmap")
    ports.update(0, eth0)
    eth0.move(lab.namespace())
    assert refusal(ports.lookup, 0) == "ENOENT"
    assert refusal(ports.update, 0, eth0) == "EINVAL"


@pytest.mark.parametrize("type", ["devmap", "devmap_hash", "cpumap", "xskmap"])
def test_redirect_maps_know_no_batches_and_no_lookup_that_deletes(lab: Lab, type: str) -> None:
    targets = lab.create_map(type, max_entries=4)
    assert refusal(targets.lookup_and_delete, 0) == "ENOTSUPP"
    assert refusal(targets.update_batch, [(0, 1)]) == "ENOTSUPP"
    assert refusal(targets.lookup_batch, 4) == "ENOTSUPP"
    assert refusal(targets.delete_batch, [0]) == "ENOTSUPP"


@pytest.mark.parametrize("type", ["devmap", "devmap_hash", "cpumap", "xskmap"])
def test_lookups_have_no_flags(lab: Lab, type: str) -> None:
    targets = lab.create_map(type, max_entries=4)
    for flags in (1, 2, BPF_F_LOCK, 8):
        assert refusal(targets.lookup_with_flags, 0, flags) == "EINVAL"
