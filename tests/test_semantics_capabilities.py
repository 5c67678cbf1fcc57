# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who may create which map; every sentence holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Lab
from tests.bpf_pieces import ENTRIES
from tests.capabilities import only
from tests.refusal import refusal

FOUR = ("devmap", "devmap_hash", "cpumap", "xskmap")
OF_THE_NETWORK = ("devmap", "devmap_hash", "xskmap")
BOTH = ("CAP_BPF", "CAP_NET_ADMIN")


@pytest.fixture(autouse=True)
def unprivileged_bpf_is_disabled(lab: Lab) -> None:
    """The model knows no other kernel."""
    setting = Path("/proc/sys/kernel/unprivileged_bpf_disabled")
    if lab.engine == "kernel" and setting.read_text(encoding="ascii").strip() == "0":
        pytest.skip(f"{setting} is 0")


@pytest.mark.semantics("C-10")
@pytest.mark.parametrize("type", FOUR)
@pytest.mark.parametrize("names", [BOTH, ("CAP_SYS_ADMIN",)], ids="+".join)
def test_bpf_and_net_admin_or_sys_admin_alone_create_every_map(
    lab: Lab, type: str, names: tuple[str, ...]
) -> None:
    with only(lab, *names):
        lab.create_map(type)


@pytest.mark.semantics("C-10")
@pytest.mark.parametrize("type", FOUR)
@pytest.mark.parametrize("names", [(), ("CAP_NET_ADMIN",)], ids=["none", "CAP_NET_ADMIN"])
def test_without_bpf_nobody_creates_a_map(lab: Lab, type: str, names: tuple[str, ...]) -> None:
    with only(lab, *names):
        assert refusal(lab.create_map, type) == "EPERM"


@pytest.mark.semantics("C-10")
def test_bpf_alone_is_enough_for_a_map_of_cpus_and_for_no_other_of_the_four(lab: Lab) -> None:
    with only(lab, "CAP_BPF"):
        lab.create_map("cpumap")
        for type in OF_THE_NETWORK:
            assert refusal(lab.create_map, type) == "EPERM"


@pytest.mark.semantics("C-10")
def test_who_has_the_descriptor_needs_no_capability_to_use_the_map(lab: Lab) -> None:
    ports, eth0 = lab.create_map("devmap"), lab.tap("eth0")
    ports.update(0, eth0)
    with only(lab):
        assert ports.lookup(0).ifindex == eth0.ifindex
        ports.delete(0)


@pytest.mark.semantics("C-10")
def test_a_program_takes_both(lab: Lab, compile_bpf: Callable[..., Path]) -> None:
    entries = compile_bpf(ENTRIES, "entries")
    for names in ((), *((name,) for name in BOTH)):
        with only(lab, *names):
            assert refusal(lab.load, entries) == "EPERM"


@pytest.mark.semantics("C-11")
@pytest.mark.parametrize(
    ("type", "answer"),
    [("devmap", "EINVAL"), ("devmap_hash", "EINVAL"), ("cpumap", "EPERM"), ("xskmap", "EPERM")],
)
def test_maps_of_devices_look_at_sizes_first_the_others_at_capabilities(
    lab: Lab, type: str, answer: str
) -> None:
    with only(lab):
        for wrong in ({"key_size": 8}, {"max_entries": 0}, {"map_flags": 1}):
            assert refusal(lab.create_map, type, **wrong) == answer


@pytest.mark.semantics("C-11", "1")
def test_capabilities_come_after_the_type_and_before_memory_and_the_name(lab: Lab) -> None:
    with only(lab):
        assert refusal(lab.create_map, "cpumap", map_flags=3 << 3) == "EINVAL"
        assert refusal(lab.create_map, 9999) == "EINVAL"
        assert refusal(lab.create_map, "devmap", max_entries=0xFFFFFFFF) == "EPERM"
        assert refusal(lab.create_map, "devmap", name="a b") == "EPERM"
