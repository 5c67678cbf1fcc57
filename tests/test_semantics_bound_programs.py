# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs that are bound to a device (``BPF_F_XDP_DEV_BOUND_ONLY``); holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec import ModelLab
from spec.lab import Lab
from tests.bpf_pieces import (
    CPUMAP,
    DEVMAP,
    DEVMAP_HASH,
    ENTRIES,
    INCLUDES,
    map_of,
    passing,
    program,
)
from tests.refusal import refusal

CompileBpf = Callable[..., Path]

FRAME = bytes(60)
PLAIN = INCLUDES + passing("xdp", "plain")
USES = "return bpf_redirect_map(&targets, 0, 0);"


@pytest.mark.semantics("O-07")
def test_a_bound_program_is_put_into_no_map_and_decides_nothing_there(
    lab: Lab, compile_bpf: CompileBpf
) -> None:
    eth0, entries = lab.tap("eth0"), compile_bpf(ENTRIES, "entries")
    bound, free = lab.load(entries, bound_to=eth0).programs, lab.load(entries).programs
    cpus = lab.create_map("cpumap", value_size=8)
    assert refusal(cpus.update, 0, (16, bound["for_cpumap"])) == "ENOMEM"
    for type in ("devmap", "devmap_hash"):
        ports = lab.create_map(type, value_size=8)
        assert refusal(ports.update, 0, (eth0, bound["for_devmap"])) == "EINVAL"
        ports.update(0, (eth0, free["for_devmap_with_frags"]))


@pytest.mark.semantics("O-07")
@pytest.mark.parametrize("type", [DEVMAP, DEVMAP_HASH, CPUMAP])
def test_a_bound_program_uses_maps_of_targets_like_any_other(
    lab: Lab, compile_bpf: CompileBpf, type: str
) -> None:
    source = compile_bpf(INCLUDES + map_of(type) + program(USES), "user")
    lab.load(source, bound_to=lab.tap("eth0"))


@pytest.mark.semantics("O-07")
def test_a_bound_program_used_no_map_with_an_owner_until_6_14(compile_bpf: CompileBpf) -> None:
    for release, answers in (("6.14", ["EINVAL", "loads", "EINVAL"]), ("6.16", ["loads"] * 3)):
        with ModelLab(release) as lab:
            eth0 = lab.tap("eth0")
            for type, answer in zip((DEVMAP, DEVMAP_HASH, CPUMAP), answers, strict=True):
                source = compile_bpf(INCLUDES + map_of(type) + program(USES), "user")
                if answer == "loads":
                    lab.load(source, bound_to=eth0)
                else:
                    assert refusal(lab.load, source, bound_to=eth0) == answer


@pytest.mark.semantics("O-08")
def test_a_bound_program_is_attached_to_its_own_device_and_natively(
    lab: Lab, compile_bpf: CompileBpf
) -> None:
    eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
    bound = lab.load(compile_bpf(PLAIN, "plain"), bound_to=eth0).programs["plain"]
    assert refusal(eth1.attach, bound) == "EINVAL"
    assert refusal(eth0.attach, bound, "generic") == "EINVAL"
    eth0.attach(bound)


@pytest.mark.semantics("O-08")
def test_devices_without_offload_that_programs_are_bound_to_count_as_the_same(
    lab: Lab, compile_bpf: CompileBpf
) -> None:
    eth0, eth1, plain = lab.tap("eth0"), lab.tap("eth1"), compile_bpf(PLAIN, "plain")
    bound = lab.load(plain, bound_to=eth0).programs["plain"]
    with lab.load(plain, bound_to=eth1):
        eth1.attach(bound)


@pytest.mark.semantics("O-08")
def test_a_bound_program_has_no_test_run(lab: Lab, compile_bpf: CompileBpf) -> None:
    eth0 = lab.tap("eth0")
    bound = lab.load(compile_bpf(PLAIN, "plain"), bound_to=eth0).programs["plain"]
    for live in (False, True):
        assert refusal(bound.test_run, FRAME, live=live) == "EINVAL"


@pytest.mark.semantics("O-08")
def test_a_program_is_bound_to_a_device_here_that_has_native_xdp(
    lab: Lab, compile_bpf: CompileBpf
) -> None:
    eth0, plain = lab.tap("eth0"), compile_bpf(PLAIN, "plain")
    assert refusal(lab.load, plain, bound_to=lab.lo) == "EOPNOTSUPP"
    eth0.move(lab.namespace())
    assert refusal(lab.load, plain, bound_to=eth0) == "EINVAL"
