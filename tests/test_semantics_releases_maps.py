# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What maps and their programs did in other releases; the kernel here is not one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec import ModelLab
from spec.uapi import BPF_EXIST, BPF_F_RDONLY, BPF_F_WRONLY, BPF_NOEXIST
from tests.bpf_pieces import (
    CPUMAP,
    DEVMAP,
    DEVMAP_HASH,
    ENTRIES,
    INCLUDES,
    OLD_ENTRIES,
    map_of,
    program,
)
from tests.capabilities import only
from tests.refusal import refusal

CompileBpf = Callable[..., Path]

FRAME = bytes(60)
USES = "return bpf_redirect_map(&targets, 0, 0);"


@pytest.mark.semantics("C-11")
@pytest.mark.parametrize(
    ("release", "wrong_size", "wrong_access"),
    [("6.4", "EPERM", "EPERM"), ("6.5", "EPERM", "EINVAL"), ("6.11", "EINVAL", "EINVAL")],
)
def test_capabilities_came_later_and_later(
    release: str, wrong_size: str, wrong_access: str
) -> None:
    with ModelLab(release) as lab, only(lab):
        assert refusal(lab.create_map, "devmap", key_size=8) == wrong_size
        assert refusal(lab.create_map, "devmap", map_flags=3 << 3) == wrong_access


@pytest.mark.semantics("P-01")
def test_a_cpumap_says_what_is_wrong_with_a_program_since_7_0(compile_bpf: CompileBpf) -> None:
    for release, not_one, wrong_kind in (("6.19", "ENOMEM", "ENOMEM"), ("7.0", "EBADF", "EINVAL")):
        with ModelLab(release) as lab:
            programs = lab.load(compile_bpf(ENTRIES, "entries")).programs
            cpus = lab.create_map("cpumap", value_size=8)
            assert refusal(cpus.update, 0, (16, 9999)) == not_one
            for fd in (programs["plain"], programs["for_devmap"], cpus.fd):
                assert refusal(cpus.update, 0, (16, fd)) == wrong_kind


@pytest.mark.semantics("A-04")
def test_programs_for_entries_had_test_runs_until_5_13(compile_bpf: CompileBpf) -> None:
    for release, refused in (("5.13", False), ("5.14", True)):
        with ModelLab(release) as lab:
            entered = lab.load(compile_bpf(OLD_ENTRIES, "old_entries")).programs["for_devmap"]
            if refused:
                assert refusal(entered.test_run, FRAME) == "EINVAL"
            else:
                entered.test_run(FRAME)


@pytest.mark.semantics("A-07")
def test_programs_of_two_attach_types_shared_tail_calls_until_6_16(
    compile_bpf: CompileBpf,
) -> None:
    steps = map_of("BPF_MAP_TYPE_PROG_ARRAY", "steps", entries=1)
    goes_on = "bpf_tail_call(ctx, &steps, 0); return XDP_PASS;"
    users = program(goes_on, "xdp", "one") + program(goes_on, "xdp/devmap", "other")
    mixed = compile_bpf(INCLUDES + steps + users, "mixed")
    with ModelLab("6.16") as lab:
        lab.load(mixed)
    for release in ("6.17", "6.18"):
        with ModelLab(release) as lab:
            assert refusal(lab.load, mixed) == "EINVAL"


@pytest.mark.semantics("O-06")
@pytest.mark.parametrize("type", [DEVMAP, CPUMAP])
def test_there_are_programs_with_frags_since_5_18_and_they_share_no_map_with_others(
    compile_bpf: CompileBpf, type: str
) -> None:
    users = program(USES, "xdp", "one"), program(USES, "xdp.frags", "other")
    one, other, both = (
        compile_bpf(INCLUDES + map_of(type) + each, "users") for each in (*users, "".join(users))
    )
    with ModelLab("5.17") as lab:
        lab.load(one)
        assert refusal(lab.load, other) == "EINVAL"
    with ModelLab("5.18") as lab:
        lab.load(one)
        lab.load(other)
        assert refusal(lab.load, both) == "EINVAL"


@pytest.mark.semantics("U-02")
def test_freezing_takes_a_map_that_can_be_written_since_6_5_and_took_a_capability_before() -> None:
    for release, again in (("6.4", "EBUSY"), ("6.5", "EPERM")):
        with ModelLab(release) as lab:
            ports = lab.create_map("devmap")
            reads, others = lab.create_map("devmap", map_flags=BPF_F_RDONLY), only(lab)
            if release == "6.5":
                assert refusal(reads.freeze) == "EPERM"
                with others:
                    ports.freeze()
            else:
                reads.freeze()
                with others:
                    assert refusal(ports.freeze) == "EPERM"
                ports.freeze()
            assert refusal(ports.freeze) == again


@pytest.mark.parametrize(("release", "negative"), [("5.10", 0), ("6.1", 0), ("6.3", 1), ("6.4", 1)])
def test_a_program_saw_an_errno_of_a_map_as_a_positive_number_of_64_bits_until_6_2(
    compile_bpf: CompileBpf, release: str, negative: int
) -> None:
    table = map_of("BPF_MAP_TYPE_HASH", "table", entries=1)
    absent = "__u32 key = 0; long answer = bpf_map_delete_elem(&table, &key); return answer < 0;"
    source = INCLUDES + table + program(absent)
    with ModelLab(release) as lab:
        assert (
            lab.load(compile_bpf(source, "absent")).programs["asked"].test_run(FRAME).retval
            == negative
        )


@pytest.mark.semantics("U-01")
@pytest.mark.parametrize(
    ("release", "of_nothing", "writing"), [("6.18", "EINVAL", "EINVAL"), ("6.19", "EBADF", "EPERM")]
)
def test_flags_of_a_lookup_are_looked_at_after_the_map_since_6_19(
    release: str, of_nothing: str, writing: str
) -> None:
    with ModelLab(release) as lab:
        closed, writes = lab.create_map("xskmap"), lab.create_map("xskmap", map_flags=BPF_F_WRONLY)
        closed.close()
        assert refusal(closed.lookup_with_flags, 0, 1) == of_nothing
        assert refusal(writes.lookup_with_flags, 0, 1) == writing
        assert refusal(lab.create_map("xskmap").lookup_with_flags, 0, 1) == "EINVAL"


@pytest.mark.parametrize(
    ("type", "charged", "estimated", "counted"),
    [
        ("devmap", 2 * 4096, 3 * 4096, 600 * 8),
        ("devmap_hash", 2 * 4096, 3 * 4096, 1024 * 8),
        ("cpumap", 4096, 4096, 200 * 8),
        ("xskmap", 2 * 4096, 2 * 4096, 600 * 8),
    ],
)
def test_what_a_map_takes_of_memory_was_told_by_the_page_until_6_3(
    type: str, charged: int, estimated: int, counted: int
) -> None:
    value_size, entries = 8 if type != "xskmap" else 4, 200 if type == "cpumap" else 600
    definition = type, 4, value_size, entries
    for release, told in (("5.10", charged), ("5.11", estimated), ("6.3", estimated)):
        with ModelLab(release) as lab:
            assert lab.create_map(*definition).memory == told
    with ModelLab("6.4") as lab:
        least = lab.create_map(type).memory
        assert lab.create_map(*definition).memory == least + counted - 8


@pytest.mark.semantics("3.4")
@pytest.mark.parametrize(
    ("type", "value"),
    [
        (DEVMAP, "struct bpf_devmap_val"),
        (DEVMAP_HASH, "struct bpf_devmap_val"),
        (CPUMAP, "struct bpf_cpumap_val"),
    ],
)
def test_until_5_14_a_program_whose_targets_may_have_programs_was_not_attached_generically(
    compile_bpf: CompileBpf, type: str, value: str
) -> None:
    roomy = compile_bpf(INCLUDES + map_of(type, value=value) + program(USES), "roomy")
    plain = compile_bpf(INCLUDES + map_of(type) + program(USES), "plain")
    with ModelLab("5.14") as lab:
        eth0 = lab.tap("eth0")
        assert refusal(eth0.attach, lab.load(roomy).programs["asked"], "generic") == "EINVAL"
        eth0.attach(lab.load(plain).programs["asked"], "generic")
    with ModelLab("5.15") as lab:
        lab.tap("eth0").attach(lab.load(roomy).programs["asked"], "generic")


@pytest.mark.semantics("V-02")
def test_the_high_half_of_a_key_never_counted(compile_bpf: CompileBpf) -> None:
    asks = program("return bpf_redirect_map(&targets, 0x100000001, XDP_PASS);")
    for release in ("6.1", "6.2"):
        with ModelLab(release) as lab:
            loaded = lab.load(compile_bpf(INCLUDES + map_of(DEVMAP) + asks, "wide"))
            loaded.maps["targets"].update(1, lab.tap("eth0"))
            assert loaded.programs["asked"].test_run(FRAME).retval == 4


@pytest.mark.semantics("H-05")
@pytest.mark.parametrize("release", ["5.10", "7.2"])
def test_a_devmap_hash_is_the_same_in_every_release(release: str) -> None:
    with ModelLab(release) as lab:
        ports, eth0 = lab.create_map("devmap_hash", max_entries=3), lab.tap("eth0")
        for key in (3, 0, 4):
            ports.update(key, eth0, BPF_EXIST)
        assert list(ports.keys()) == [4, 0, 3]
        assert refusal(ports.update, 4, eth0, BPF_NOEXIST) == "EEXIST"
        assert refusal(ports.update, 5, 9999) == refusal(ports.update, 5, 0) == "EINVAL"
        assert refusal(ports.update, 5, eth0) == "E2BIG"


@pytest.mark.semantics("L-05")
@pytest.mark.parametrize("release", ["5.10", "7.2"])
def test_an_unregistered_device_left_its_maps_in_every_release(release: str) -> None:
    with ModelLab(release) as lab:
        eth0, ports = lab.tap("eth0"), lab.create_map("devmap")
        ports.update(0, eth0)
        eth0.remove()
        assert refusal(ports.lookup, 0) == "ENOENT"


@pytest.mark.semantics("C-10")
def test_a_model_may_begin_without_capabilities() -> None:
    with ModelLab(capabilities=frozenset({"CAP_BPF"})) as lab:
        assert refusal(lab.create_map, "devmap") == "EPERM"
        lab.create_map("cpumap")
