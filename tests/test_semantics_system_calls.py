# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is the same for every map before its type is asked; every sentence holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.errors import KernelError
from spec.lab import Lab, Socket
from spec.uapi import BPF_F_LOCK, BPF_F_RDONLY, BPF_F_WRONLY, BPF_NOEXIST
from tests.bpf_pieces import ENTRIES
from tests.refusal import refusal

FOUR = ("devmap", "devmap_hash", "cpumap", "xskmap")
WITH_ACCESS = ("devmap", "devmap_hash", "xskmap")


@pytest.mark.semantics("U-00")
@pytest.mark.parametrize("type", FOUR)
def test_a_closed_descriptor_is_ebadf_whatever_else_is_wrong(lab: Lab, type: str) -> None:
    ports = lab.create_map(type)
    ports.close()
    assert refusal(ports.update, 0, 1, BPF_F_LOCK) == "EBADF"
    assert refusal(ports.lookup, 0) == refusal(ports.delete, 0) == "EBADF"
    assert refusal(ports.next_key, None) == refusal(ports.freeze) == "EBADF"


@pytest.mark.semantics("U-00")
@pytest.mark.parametrize("type", WITH_ACCESS)
def test_permission_is_asked_before_flags(lab: Lab, type: str) -> None:
    ports = lab.create_map(type, map_flags=BPF_F_RDONLY)
    assert refusal(ports.update, 0, 1, BPF_F_LOCK) == "EPERM"
    assert refusal(ports.update, 0, 1, 3) == "EPERM"
    assert refusal(lab.create_map(type).update, 0, 1, BPF_F_LOCK) == "EINVAL"


@pytest.mark.semantics("U-00")
@pytest.mark.parametrize("type", FOUR)
def test_a_lock_is_refused_before_the_slot_is_looked_at(lab: Lab, type: str) -> None:
    ports = lab.create_map(type)
    assert refusal(ports.update, 77, 1, BPF_F_LOCK) == "EINVAL"
    assert refusal(ports.update, 0, 1, BPF_F_LOCK | BPF_NOEXIST) == "EINVAL"


@pytest.mark.semantics("U-01")
@pytest.mark.parametrize("type", FOUR)
def test_a_lookup_takes_no_flags(lab: Lab, type: str) -> None:
    ports = lab.create_map(type)
    for flags in (1, 2, BPF_F_LOCK, 8, 1 << 32):
        assert refusal(ports.lookup_with_flags, 0, flags) == "EINVAL"
    expected = "EOPNOTSUPP" if type == "xskmap" else "ENOENT"
    assert refusal(ports.lookup_with_flags, 0, 0) == expected


@pytest.mark.semantics("U-01")
@pytest.mark.parametrize("type", FOUR)
def test_flags_of_a_lookup_are_refused_before_the_map_is_looked_for(lab: Lab, type: str) -> None:
    ports = lab.create_map(type)
    ports.close()
    assert refusal(ports.lookup_with_flags, 0, 2) == "EINVAL"
    assert refusal(ports.lookup_with_flags, 0, BPF_F_LOCK) == "EBADF"


@pytest.mark.semantics("U-00")
@pytest.mark.parametrize("type", FOUR)
def test_a_closed_descriptor_has_no_flags_to_tell(lab: Lab, type: str) -> None:
    ports = lab.create_map(type)
    ports.close()
    with pytest.raises(KernelError, match="EBADFD"):
        _ = ports.map_flags


@pytest.mark.semantics("U-02")
@pytest.mark.parametrize("type", WITH_ACCESS)
def test_a_read_only_descriptor_refuses_writing(lab: Lab, type: str) -> None:
    ports = lab.create_map(type, map_flags=BPF_F_RDONLY)
    assert refusal(ports.update, 0, lab.tap("eth0")) == refusal(ports.delete, 0) == "EPERM"
    assert refusal(ports.lookup, 0) == ("EOPNOTSUPP" if type == "xskmap" else "ENOENT")


@pytest.mark.semantics("U-02")
@pytest.mark.parametrize("type", WITH_ACCESS)
def test_a_write_only_descriptor_refuses_reading(lab: Lab, type: str) -> None:
    ports = lab.create_map(type, map_flags=BPF_F_WRONLY)
    assert refusal(ports.lookup, 0) == refusal(ports.next_key, None) == "EPERM"
    if type != "xskmap":
        ports.update(0, lab.tap("eth0"))
        ports.delete(0)


@pytest.mark.semantics("U-02")
@pytest.mark.parametrize("type", FOUR)
def test_a_frozen_map_is_only_read(lab: Lab, type: str) -> None:
    ports = lab.create_map(type, max_entries=2)
    eth0 = lab.tap("eth0")
    targets: dict[str, int | Socket] = {"cpumap": 16, "xskmap": lab.socket()}
    ports.update(0, targets.get(type, eth0))
    ports.freeze()
    assert refusal(ports.update, 0, 1) == refusal(ports.delete, 0) == "EPERM"
    assert refusal(ports.freeze) == "EPERM"
    assert ports.next_key(None) == 0
    if type != "xskmap":
        assert ports.lookup(0).ifindex == (16 if type == "cpumap" else eth0.ifindex)


@pytest.mark.semantics("U-03")
@pytest.mark.parametrize("type", FOUR)
def test_looking_up_and_deleting_at_once_is_not_supported(lab: Lab, type: str) -> None:
    assert refusal(lab.create_map(type).lookup_and_delete, 0) == "ENOTSUPP"


@pytest.mark.semantics("U-03")
@pytest.mark.parametrize("type", FOUR)
def test_elements_are_not_handled_in_batches(lab: Lab, type: str) -> None:
    ports = lab.create_map(type, max_entries=2)
    assert refusal(ports.update_batch, [(0, 1), (1, 1)]) == "ENOTSUPP"
    assert refusal(ports.lookup_batch, 2) == "ENOTSUPP"
    assert refusal(ports.delete_batch, [0, 1]) == "ENOTSUPP"


@pytest.mark.semantics("U-00")
@pytest.mark.parametrize("type", FOUR)
def test_a_descriptor_of_something_else_is_einval(
    lab: Lab, compile_bpf: Callable[..., Path], type: str
) -> None:
    program = lab.load(compile_bpf(ENTRIES, "entries")).programs["plain"]
    ports = lab.create_map(type)
    own, ports.fd = ports.fd, program.fd
    assert refusal(ports.update, 0, 1, BPF_F_LOCK) == refusal(ports.lookup, 0) == "EINVAL"
    assert refusal(ports.delete, 0) == refusal(ports.next_key, None) == "EINVAL"
    ports.fd = own
