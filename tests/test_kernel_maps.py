# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Maps of the live kernel through their four operations."""

from __future__ import annotations

import pytest

from spec.errors import InputError, KernelError
from spec.uapi import BPF_ANY, BPF_EXIST, BPF_F_RDONLY, BPF_NOEXIST
from tests.live import live_lab, programs

pytestmark = pytest.mark.kernel


def test_an_entry_reads_back_with_the_number_of_its_program() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth0, at_egress = lab.tap("eth0"), loaded.programs["at_egress"]
        ports = lab.create_map("devmap_hash", 4, 8, 4, name="ports")
        ports.update(7, (eth0, at_egress))
        value = ports.lookup(7)
        assert (value.ifindex, value.prog_id) == (eth0.ifindex, at_egress.id)
        assert list(ports.keys()) == [7]
        ports.delete(7)
        assert list(ports.keys()) == []


def test_flags_arrive_in_the_kernel() -> None:
    with live_lab() as lab:
        eth0, ports = lab.tap("eth0"), lab.create_map("devmap", max_entries=1)
        ports.update(0, eth0, BPF_ANY)
        ports.update(0, eth0, BPF_EXIST)
        for flags, refusal in ((BPF_NOEXIST, "EEXIST"), (1 << 40, "EINVAL")):
            with pytest.raises(KernelError, match=rf"^{refusal}$"):
                ports.update(0, eth0, flags)


def test_a_device_is_looked_for_in_the_namespace_of_the_lab() -> None:
    with live_lab() as lab:
        ports, eth0 = lab.create_map("devmap", max_entries=1), lab.tap("eth0")
        eth0.move(lab.namespace())
        with pytest.raises(KernelError, match=r"^EINVAL$"):
            ports.update(0, eth0)


def test_creation_is_refused_as_the_kernel_does() -> None:
    with live_lab() as lab:
        for kind, key_size, entries, refusal in (
            ("devmap", 8, 1, "EINVAL"),
            ("devmap", 4, 0, "EINVAL"),
            ("cpumap", 4, 1 << 20, "E2BIG"),
            ("nonsense", 4, 1, "EINVAL"),
        ):
            with pytest.raises(KernelError, match=rf"^{refusal}$"):
                lab.create_map(kind, key_size, 4, entries)


def test_a_map_that_is_frozen_or_for_reading_is_not_written() -> None:
    with live_lab() as lab:
        eth0 = lab.tap("eth0")
        frozen = lab.create_map("devmap", max_entries=1)
        frozen.freeze()
        for ports in (frozen, lab.create_map("devmap", map_flags=BPF_F_RDONLY)):
            with pytest.raises(KernelError, match=r"^EPERM$"):
                ports.update(0, eth0)


def test_sizes_are_checked_before_the_kernel_reads_too_far() -> None:
    with live_lab() as lab:
        ports = lab.create_map("devmap", max_entries=1, name="ports")
        with pytest.raises(InputError, match="ports: a key of 3 bytes; its keys have 4"):
            ports.lookup(b"abc")
        with pytest.raises(InputError, match="ports: a value of 3 bytes; its values have 4"):
            ports.update(0, b"abc")


def test_names_longer_than_the_kernel_keeps_are_kept_by_the_lab() -> None:
    with live_lab() as lab:
        ports = lab.create_map("devmap", name="a_rather_long_name_for_a_map")
        assert lab.map_name(ports.id) == "a_rather_long_name_for_a_map"


def test_elements_go_in_and_out_in_batches_where_the_map_knows_batches() -> None:
    with live_lab() as lab:
        table, ports = lab.create_map("hash", 4, 4, 8), lab.create_map("devmap", max_entries=8)
        table.update_batch([(key, key * 10) for key in (1, 2, 3)])
        found = {int.from_bytes(key, "little"): value[0] for key, value in table.lookup_batch(8)}
        assert found == {1: 10, 2: 20, 3: 30}
        table.delete_batch([1, 3])
        assert list(table.keys()) == [2]
        assert table.lookup_and_delete(2)[0] == 20
        for refused in (lambda: ports.lookup_batch(8), lambda: ports.lookup_and_delete(0)):
            with pytest.raises(KernelError, match=r"^ENOTSUPP$"):
                refused()
        with pytest.raises(KernelError, match=r"^EINVAL$"):
            ports.lookup_with_flags(0, 1)
