# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which maps of the four types can be created; every sentence holds on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec import ModelLab
from spec.lab import Lab
from spec.uapi import (
    BPF_F_NUMA_NODE,
    BPF_F_RDONLY,
    BPF_F_RDONLY_PROG,
    BPF_F_WRONLY,
)
from tests.refusal import refusal

FOUR = ("devmap", "devmap_hash", "cpumap", "xskmap")
ACCESS = BPF_F_RDONLY | BPF_F_WRONLY


def cpus_built_for(lab: Lab) -> int:
    """How many CPUs the kernel could have at most, whatever the machine has."""
    if isinstance(lab, ModelLab):
        return lab.nr_cpus
    return 1 + int(Path("/sys/devices/system/cpu/kernel_max").read_text(encoding="ascii"))


@pytest.mark.semantics("C-01")
@pytest.mark.parametrize("type", FOUR)
def test_a_key_has_four_bytes(lab: Lab, type: str) -> None:
    assert lab.create_map(type).key_size == 4
    for key_size in (0, 1, 3, 5, 8):
        assert refusal(lab.create_map, type, key_size=key_size) == "EINVAL"


@pytest.mark.semantics("C-02")
@pytest.mark.parametrize("type", FOUR)
def test_a_value_has_four_bytes_or_but_in_an_xskmap_eight(lab: Lab, type: str) -> None:
    accepted = (4,) if type == "xskmap" else (4, 8)
    for value_size in (0, 1, 4, 5, 7, 8, 9, 12, 16):
        if value_size in accepted:
            assert lab.create_map(type, value_size=value_size).value_size == value_size
        else:
            assert refusal(lab.create_map, type, value_size=value_size) == "EINVAL"


@pytest.mark.semantics("C-03")
@pytest.mark.parametrize("type", FOUR)
def test_a_map_has_at_least_one_entry(lab: Lab, type: str) -> None:
    assert refusal(lab.create_map, type, max_entries=0) == "EINVAL"
    assert lab.create_map(type, max_entries=1).max_entries == 1


@pytest.mark.semantics("C-04")
@pytest.mark.parametrize("type", ["devmap", "xskmap"])
def test_only_memory_limits_the_slots_of_devices_and_sockets(lab: Lab, type: str) -> None:
    assert lab.create_map(type, max_entries=100_000).max_entries == 100_000
    assert refusal(lab.create_map, type, max_entries=0xFFFFFFFF) == "ENOMEM"


@pytest.mark.semantics("C-05")
def test_a_devmap_hash_for_more_than_2_31_entries_is_refused(lab: Lab) -> None:
    assert refusal(lab.create_map, "devmap_hash", max_entries=(1 << 31) + 1) == "EINVAL"
    assert refusal(lab.create_map, "devmap_hash", max_entries=0xFFFFFFFF) == "EINVAL"


@pytest.mark.semantics("C-06")
def test_three_entries_have_four_buckets_and_still_no_room_for_a_fourth(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap_hash", max_entries=3), lab.tap("eth0")
    for key in (3, 0, 4):
        ports.update(key, eth0)
    # Divided by 4, the keys 0 and 4 meet in bucket 0; divided by 3, it would be 3 and 0.
    assert list(ports.keys()) == [4, 0, 3]
    assert refusal(ports.update, 1, eth0) == "E2BIG"


@pytest.mark.semantics("C-07")
def test_a_cpumap_has_at_most_as_many_slots_as_the_kernel_was_built_for_cpus(lab: Lab) -> None:
    limit = cpus_built_for(lab)
    assert lab.create_map("cpumap", max_entries=limit).max_entries == limit
    assert refusal(lab.create_map, "cpumap", max_entries=limit + 1) == "E2BIG"


@pytest.mark.semantics("C-08")
@pytest.mark.parametrize("type", FOUR)
def test_a_node_and_restricted_access_are_all_that_flags_can_ask(lab: Lab, type: str) -> None:
    accepted = BPF_F_NUMA_NODE if type == "cpumap" else BPF_F_NUMA_NODE | ACCESS
    for bit in range(32):
        flag = 1 << bit
        if flag & accepted:
            lab.create_map(type, map_flags=flag)
        else:
            assert refusal(lab.create_map, type, map_flags=flag) == "EINVAL", flag


@pytest.mark.semantics("C-08")
@pytest.mark.parametrize("type", FOUR)
def test_a_map_that_user_space_can_neither_read_nor_write_is_refused(lab: Lab, type: str) -> None:
    assert refusal(lab.create_map, type, map_flags=ACCESS) == "EINVAL"


@pytest.mark.semantics("C-09")
@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_devices_are_read_only_to_programs_because_the_kernel_says_so(lab: Lab, type: str) -> None:
    assert refusal(lab.create_map, type, map_flags=BPF_F_RDONLY_PROG) == "EINVAL"
    for asked in (0, BPF_F_RDONLY, BPF_F_WRONLY):
        assert lab.create_map(type, map_flags=asked).map_flags == BPF_F_RDONLY_PROG
    with_node = lab.create_map(type, map_flags=BPF_F_NUMA_NODE)
    assert with_node.map_flags == BPF_F_RDONLY_PROG | BPF_F_NUMA_NODE


@pytest.mark.semantics("C-09")
def test_access_flags_belong_to_the_descriptor_and_are_not_shown(lab: Lab) -> None:
    for flag in (BPF_F_RDONLY, BPF_F_WRONLY):
        assert lab.create_map("xskmap", map_flags=flag).map_flags == 0
    assert lab.create_map("cpumap").map_flags == 0


@pytest.mark.semantics("1")
def test_creation_looks_at_access_then_at_type_then_at_sizes_then_at_limits(lab: Lab) -> None:
    assert refusal(lab.create_map, 9999, map_flags=ACCESS) == "EINVAL"
    assert refusal(lab.create_map, 9999) == "EINVAL"
    too_many = cpus_built_for(lab) + 1
    assert refusal(lab.create_map, "cpumap", key_size=8, max_entries=too_many) == "EINVAL"
    assert refusal(lab.create_map, "cpumap", map_flags=1, max_entries=too_many) == "EINVAL"
    assert refusal(lab.create_map, "cpumap", max_entries=too_many, name="a b") == "E2BIG"
    assert refusal(lab.create_map, "devmap", max_entries=0xFFFFFFFF, name="a b") == "ENOMEM"


@pytest.mark.semantics("1")
@pytest.mark.parametrize("type", FOUR)
def test_a_name_consists_of_letters_digits_underscores_and_dots(lab: Lab, type: str) -> None:
    assert lab.create_map(type, name="Ports_2.x").name == "Ports_2.x"
    for name in ("a b", "a-b", "a/b"):
        assert refusal(lab.create_map, type, name=name) == "EINVAL"


@pytest.mark.semantics("C-12")
@pytest.mark.parametrize("type", FOUR)
def test_types_of_key_and_value_are_not_supported_and_wrong_ones_invalid(
    lab: Lab, type: str
) -> None:
    assert refusal(lab.create_map, type, type_sizes=(4, 4)) == "ENOTSUPP"
    for sizes in ((8, 4), (4, 8), (2, 2)):
        assert refusal(lab.create_map, type, type_sizes=sizes) == "EINVAL"


@pytest.mark.semantics("C-12", "1")
def test_types_come_after_sizes_and_limits(lab: Lab) -> None:
    too_many = cpus_built_for(lab) + 1
    assert refusal(lab.create_map, "cpumap", max_entries=too_many, type_sizes=(8, 8)) == "E2BIG"
    assert refusal(lab.create_map, "devmap", key_size=8, type_sizes=(8, 4)) == "EINVAL"
