# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What programs may ask of the four types of map; every sentence holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.errors import KernelError
from spec.lab import Lab
from spec.uapi import XDP_PASS, XDP_REDIRECT
from tests.bpf_pieces import (
    CPUMAP,
    DEVMAP,
    DEVMAP_HASH,
    INCLUDES,
    REDIRECT_MAPS,
    XSKMAP,
    map_of,
    program,
)

CompileBpf = Callable[..., Path]

FRAME = bytes(60)
NUMBERS = {DEVMAP: 14, DEVMAP_HASH: 25, CPUMAP: 16, XSKMAP: 17}

REDIRECTS = "return bpf_redirect_map(&targets, 1, XDP_PASS);"
LOOKS_UP = "__u32 key = 0; return bpf_map_lookup_elem(&targets, &key) != 0;"
UPDATES = "__u32 key = 0, value = 1; return bpf_map_update_elem(&targets, &key, &value, 0);"
DELETES = "__u32 key = 0; return bpf_map_delete_elem(&targets, &key);"
REPORTS = "return bpf_perf_event_output(ctx, &targets, 0, &(__u32){1}, 4);"


def answer(lab: Lab, compile_bpf: CompileBpf, *source: str) -> str:
    """``loads``, or how the program is refused."""
    try:
        lab.load(compile_bpf(INCLUDES + "".join(source), "asked")).close()
    except KernelError as error:
        return str(error)
    return "loads"


@pytest.mark.semantics("3.1", "V-02")
@pytest.mark.parametrize("type", REDIRECT_MAPS)
def test_the_four_types_are_targets_and_an_empty_slot_is_a_miss(
    lab: Lab, compile_bpf: CompileBpf, type: str
) -> None:
    with lab.load(compile_bpf(INCLUDES + map_of(type) + program(REDIRECTS), "asked")) as loaded:
        assert loaded.programs["asked"].test_run(FRAME).retval == XDP_PASS


@pytest.mark.semantics("V-02")
@pytest.mark.parametrize(
    "type", ["ARRAY", "HASH", "PROG_ARRAY", "PERF_EVENT_ARRAY", "LRU_HASH", "PERCPU_ARRAY"]
)
def test_no_other_type_is_a_target(lab: Lab, compile_bpf: CompileBpf, type: str) -> None:
    other = map_of(f"BPF_MAP_TYPE_{type}")
    refused = answer(lab, compile_bpf, other, program(REDIRECTS))
    assert refused.startswith("EINVAL: cannot pass map_type ")
    assert refused.endswith(" into func bpf_redirect_map#51")


@pytest.mark.semantics("3.1")
@pytest.mark.parametrize(
    ("type", "expected"),
    [
        (DEVMAP, "loads"),
        (DEVMAP_HASH, "loads"),
        (CPUMAP, "EINVAL: cannot pass map_type 16 into func bpf_map_lookup_elem#1"),
        (XSKMAP, "loads"),
    ],
)
def test_programs_look_into_maps_of_devices_and_sockets_but_not_of_cpus(
    lab: Lab, compile_bpf: CompileBpf, type: str, expected: str
) -> None:
    assert answer(lab, compile_bpf, map_of(type), program(LOOKS_UP)) == expected


@pytest.mark.semantics("3.1")
@pytest.mark.parametrize("type", [DEVMAP, DEVMAP_HASH])
@pytest.mark.parametrize("body", [UPDATES, DELETES], ids=["update", "delete"])
def test_programs_change_no_map_of_devices_because_it_is_read_only_to_them(
    lab: Lab, compile_bpf: CompileBpf, type: str, body: str
) -> None:
    assert answer(lab, compile_bpf, map_of(type), program(body)) == (
        "EACCES: write into map forbidden"
    )


@pytest.mark.semantics("3.1")
@pytest.mark.parametrize("type", [CPUMAP, XSKMAP])
@pytest.mark.parametrize(
    ("body", "helper"),
    [(UPDATES, "bpf_map_update_elem#2"), (DELETES, "bpf_map_delete_elem#3")],
    ids=["update", "delete"],
)
def test_programs_change_no_map_of_cpus_or_sockets_because_no_helper_takes_it(
    lab: Lab, compile_bpf: CompileBpf, type: str, body: str, helper: str
) -> None:
    assert answer(lab, compile_bpf, map_of(type), program(body)) == (
        f"EINVAL: cannot pass map_type {NUMBERS[type]} into func {helper}"
    )


@pytest.mark.semantics("3.1")
@pytest.mark.parametrize("type", REDIRECT_MAPS)
def test_no_other_helper_takes_a_map_of_targets(
    lab: Lab, compile_bpf: CompileBpf, type: str
) -> None:
    assert answer(lab, compile_bpf, map_of(type), program(REPORTS)) == (
        f"EINVAL: cannot pass map_type {NUMBERS[type]} into func bpf_perf_event_output#25"
    )


@pytest.mark.semantics("V-01")
@pytest.mark.parametrize("type", [DEVMAP, DEVMAP_HASH])
def test_a_program_reads_ifindex_and_program_of_an_entry(
    lab: Lab, compile_bpf: CompileBpf, type: str
) -> None:
    source = (
        INCLUDES
        + map_of(type, value="struct bpf_devmap_val")
        + program("return XDP_PASS;", "xdp/devmap", "entered")
        + program(
            "__u32 key = 1; struct bpf_devmap_val *found = bpf_map_lookup_elem(&targets, &key);"
            "return found ? found->ifindex << 16 | found->bpf_prog.id : 0;"
        )
    )
    eth0 = lab.tap("eth0")
    with lab.load(compile_bpf(source, "reads")) as loaded:
        asked, entered, ports = *map(loaded.programs.get, ("asked", "entered")), loaded.maps
        assert asked is not None
        assert entered is not None
        assert asked.test_run(FRAME).retval == 0
        ports["targets"].update(1, (eth0, entered))
        expected = (eth0.ifindex << 16 | entered.id) & 0xFFFFFFFF
        assert asked.test_run(FRAME).retval == expected


@pytest.mark.semantics("V-01")
@pytest.mark.parametrize(
    ("value", "size"), [("__u32", 4), ("struct bpf_devmap_val", 8)], ids=["4", "8"]
)
def test_a_program_neither_writes_an_entry_nor_reads_past_it(
    lab: Lab, compile_bpf: CompileBpf, value: str, size: int
) -> None:
    declared = map_of(DEVMAP, value=value)
    found = "__u32 key = 1, *found = bpf_map_lookup_elem(&targets, &key); if (!found) return 1;"
    writes, past = program(f"{found} *found = 5; return 2;"), program(f"{found} return found[2];")
    assert answer(lab, compile_bpf, declared, writes) == (
        f"EACCES: write into map forbidden, value_size={size} off=0 size=4"
    )
    assert answer(lab, compile_bpf, declared, past) == (
        f"EACCES: invalid access to map value, value_size={size} off=8 size=4"
    )


@pytest.mark.semantics("3.1")
def test_a_program_reads_the_queue_of_a_socket_and_writes_nothing_there(
    lab: Lab, compile_bpf: CompileBpf
) -> None:
    found = (
        "__u32 key = 1; struct bpf_xdp_sock *found = bpf_map_lookup_elem(&targets, &key);"
        "if (!found) return 77;"
    )
    source = INCLUDES + map_of(XSKMAP) + program(f"{found} return found->queue_id;")
    with lab.load(compile_bpf(source, "queue")) as loaded:
        assert loaded.programs["asked"].test_run(FRAME).retval == 77
        socket = lab.socket()
        loaded.maps["targets"].update(1, socket)
        assert loaded.programs["asked"].test_run(FRAME).retval == 0
    for body, reason in (
        ("found->queue_id = 1; return 0;", "cannot write into xdp_sock"),
        ("return (&found->queue_id)[1];", "invalid xdp_sock access off=4 size=4"),
    ):
        refused = answer(lab, compile_bpf, map_of(XSKMAP), program(f"{found} {body}"))
        assert refused.startswith("EACCES: R")
        assert refused.endswith(reason)


@pytest.mark.semantics("V-02")
@pytest.mark.parametrize("type", [DEVMAP, DEVMAP_HASH])
def test_only_the_low_half_of_a_key_counts(lab: Lab, compile_bpf: CompileBpf, type: str) -> None:
    asks = program("return bpf_redirect_map(&targets, 0x100000001, 0);")
    with lab.load(compile_bpf(INCLUDES + map_of(type) + asks, "wide")) as loaded:
        loaded.maps["targets"].update(1, lab.tap("eth0"))
        assert loaded.programs["asked"].test_run(FRAME).retval == XDP_REDIRECT
