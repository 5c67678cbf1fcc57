# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs that share a map must be alike; every sentence holds on both engines.

What they can differ in is whether they take frames with fragments (``xdp.frags``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from spec.lab import Lab, Program
from tests.bpf_pieces import (
    CPUMAP,
    DEVMAP,
    DEVMAP_HASH,
    INCLUDES,
    map_of,
    program,
)
from tests.refusal import refusal

CompileBpf = Callable[..., Path]

VALUES = {
    DEVMAP: "struct bpf_devmap_val",
    DEVMAP_HASH: "struct bpf_devmap_val",
    CPUMAP: "struct bpf_cpumap_val",
}
USES = "return bpf_redirect_map(&targets, 0, 0);"
QUEUE = 16


def used_by(type: str, *sections: str) -> str:
    """A map of *type*, and a program that uses it for each of *sections*."""
    users = (program(USES, section, f"user{index}") for index, section in enumerate(sections))
    return INCLUDES + map_of(type, value=VALUES[type]) + "".join(users)


@pytest.mark.semantics("O-01", "O-02")
@pytest.mark.parametrize("section", ["xdp", "xdp.frags"])
def test_a_program_that_uses_a_devmap_decides_which_others_go_in(
    lab: Lab, compile_bpf: CompileBpf, programs: Mapping[str, Program], section: str
) -> None:
    alike, other = programs["for_devmap"], programs["for_devmap_with_frags"]
    if section == "xdp.frags":
        alike, other = other, alike
    eth0 = lab.tap("eth0")
    with lab.load(compile_bpf(used_by(DEVMAP, section), "user")) as loaded:
        ports = loaded.maps["targets"]
        assert refusal(ports.update, 0, (eth0, other)) == "EINVAL"
        ports.update(0, (eth0, alike))


@pytest.mark.semantics("O-01", "O-02")
def test_a_program_that_uses_a_cpumap_decides_which_others_go_in(
    lab: Lab, compile_bpf: CompileBpf, programs: Mapping[str, Program]
) -> None:
    with lab.load(compile_bpf(used_by(CPUMAP, "xdp.frags"), "user")) as loaded:
        cpus = loaded.maps["targets"]
        assert refusal(cpus.update, 0, (QUEUE, programs["for_cpumap"])) == "ENOMEM"
        cpus.update(0, (QUEUE, programs["for_cpumap_with_frags"]))


@pytest.mark.semantics("O-01", "O-02")
def test_the_first_program_put_into_a_devmap_decides_which_others_go_in(
    lab: Lab, programs: Mapping[str, Program]
) -> None:
    ports, eth0 = lab.create_map("devmap", value_size=8, max_entries=2), lab.tap("eth0")
    ports.update(0, (eth0, programs["for_devmap_with_frags"]))
    assert refusal(ports.update, 1, (eth0, programs["for_devmap"])) == "EINVAL"
    ports.update(1, eth0)


@pytest.mark.semantics("O-01")
def test_a_program_that_is_refused_for_its_attach_type_decides_nothing(
    lab: Lab, programs: Mapping[str, Program]
) -> None:
    ports, eth0 = lab.create_map("devmap", value_size=8), lab.tap("eth0")
    for name in ("plain", "for_cpumap_with_frags"):
        assert refusal(ports.update, 0, (eth0, programs[name])) == "EINVAL"
    ports.update(0, (eth0, programs["for_devmap_with_frags"]))


@pytest.mark.semantics("O-03")
def test_a_program_that_uses_a_devmap_hash_decides_nothing(
    lab: Lab, compile_bpf: CompileBpf, programs: Mapping[str, Program]
) -> None:
    eth0 = lab.tap("eth0")
    with lab.load(compile_bpf(used_by(DEVMAP_HASH, "xdp", "xdp.frags"), "users")) as loaded:
        ports = loaded.maps["targets"]
        ports.update(0, (eth0, programs["for_devmap_with_frags"]))
        assert refusal(ports.update, 1, (eth0, programs["for_devmap"])) == "EINVAL"


@pytest.mark.semantics("O-04")
@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_what_was_decided_stays_when_the_entry_has_gone(
    lab: Lab, programs: Mapping[str, Program], type: str
) -> None:
    ports, eth0 = lab.create_map(type, value_size=8), lab.tap("eth0")
    ports.update(0, (eth0, programs["for_devmap"]))
    ports.delete(0)
    programs["for_devmap"].close()
    assert refusal(ports.update, 0, (eth0, programs["for_devmap_with_frags"])) == "EINVAL"


@pytest.mark.semantics("O-04")
def test_what_was_decided_for_a_cpumap_stays_too(lab: Lab, programs: Mapping[str, Program]) -> None:
    cpus = lab.create_map("cpumap", value_size=8)
    cpus.update(0, (QUEUE, programs["for_cpumap"]))
    cpus.delete(0)
    assert refusal(cpus.update, 0, (QUEUE, programs["for_cpumap_with_frags"])) == "ENOMEM"


@pytest.mark.semantics("O-05", "O-02")
@pytest.mark.parametrize("type", [DEVMAP, CPUMAP])
def test_programs_with_and_without_frags_do_not_use_one_map(
    lab: Lab, compile_bpf: CompileBpf, type: str
) -> None:
    for sections in (("xdp", "xdp"), ("xdp.frags", "xdp.frags")):
        lab.load(compile_bpf(used_by(type, *sections), "users")).close()
    for sections in (("xdp", "xdp.frags"), ("xdp.frags", "xdp")):
        assert refusal(lab.load, compile_bpf(used_by(type, *sections), "users")) == "EINVAL"
