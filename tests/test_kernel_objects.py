# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Object files on the live kernel: what loads, what is refused, and in which words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kernel_impl.verifier import decisive_line
from spec.errors import InputError, KernelError
from spec.testing.compiler import compile_bpf
from spec.uapi import BPF_F_RDONLY_PROG, MapType
from tests.live import FRAME, live_lab, programs, refused

pytestmark = pytest.mark.kernel


def test_an_object_has_its_maps_and_programs_by_name() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        assert set(loaded.maps) == {"ports", ".bss"}
        assert set(loaded.programs) >= {"forward", "flood", "pass", "at_egress"}
        ports = loaded.maps["ports"]
        assert (ports.type, ports.max_entries) == (MapType.BPF_MAP_TYPE_DEVMAP, 8)
        assert ports.map_flags == BPF_F_RDONLY_PROG
        assert lab.by_fd(loaded.programs["pass"].fd) is loaded.programs["pass"]


def test_a_refusal_says_what_the_verifier_says() -> None:
    with live_lab() as lab, pytest.raises(KernelError) as caught:
        lab.load(refused())
    assert str(caught.value) == "EACCES: write into map forbidden"
    assert "processed" in caught.value.log
    assert caught.value.source.startswith("; return bpf_map_update_elem(")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ("return ctx->egress_ifindex;", "EACCES: invalid bpf_context access off=20 size=4"),
        (
            "__u32 k = 0, *v = bpf_map_lookup_elem(&m, &k); if (v) *v = 1; return XDP_PASS;",
            "EACCES: write into map forbidden, value_size=4 off=0 size=4",
        ),
        (
            "return bpf_redirect_map(&a, 0, 0);",
            "EINVAL: cannot pass map_type 2 into func bpf_redirect_map#51",
        ),
    ],
)
def test_the_decisive_line_is_found(body: str, refusal: str) -> None:
    source = f"""
    #include <linux/bpf.h>
    #include <bpf/bpf_helpers.h>
    struct {{ __uint(type, BPF_MAP_TYPE_DEVMAP); __type(key, __u32); __type(value, __u32);
              __uint(max_entries, 1); }} m SEC(".maps");
    struct {{ __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32); __type(value, __u32);
              __uint(max_entries, 1); }} a SEC(".maps");
    SEC("xdp") int run(struct xdp_md *ctx) {{ {body} }}
    char _license[] SEC("license") = "GPL";
    """
    with live_lab() as lab, pytest.raises(KernelError) as caught:
        lab.load(compile_bpf(source, "body"))
    assert str(caught.value) == refusal


def test_a_log_without_a_reason_has_no_decisive_line() -> None:
    assert decisive_line("") == ""
    assert decisive_line("0: (b7) r0 = 2\nprocessed 2 insns (limit 1000000)\n") == ""


def test_a_map_that_cannot_be_created_is_named() -> None:
    source = """
    #include <linux/bpf.h>
    #include <bpf/bpf_helpers.h>
    struct { __uint(type, BPF_MAP_TYPE_DEVMAP); __type(key, __u64); __type(value, __u32);
             __uint(max_entries, 1); } wide SEC(".maps");
    """
    with live_lab() as lab, pytest.raises(KernelError, match=r"^EINVAL: map wide$"):
        lab.load(compile_bpf(source, "wide"))


def test_a_file_that_is_no_object_is_an_input_error(tmp_path: Path) -> None:
    text = tmp_path / "page.c"
    text.write_text("int main;")
    with live_lab() as lab:
        with pytest.raises(InputError, match="no such file; compile it first"):
            lab.load(tmp_path / "absent.o")
        with pytest.raises(InputError, match="compile it with clang or zig"):
            lab.load(text)


def test_a_refused_object_leaves_no_descriptor() -> None:
    with live_lab() as lab:
        path = refused()
        before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
        with pytest.raises(KernelError):
            lab.load(path)
        assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_an_attached_program_outlives_its_descriptor() -> None:
    with live_lab() as lab:
        eth0 = lab.tap("eth0")
        with lab.load(programs()) as loaded:
            eth0.attach(loaded.programs["abort_it"])
        assert repr(eth0.receive(FRAME)) == ("xdp_exception  eth0  program abort_it  XDP_ABORTED")


def test_a_program_for_map_entries_is_not_run_on_its_own() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        with pytest.raises(KernelError, match=r"^EINVAL$"):
            loaded.programs["at_egress"].test_run(FRAME)
        with pytest.raises(
            KernelError, match=r"^EINVAL: BPF_XDP_DEVMAP programs can not be attached to a device$"
        ):
            lab.tap("eth0").attach(loaded.programs["at_egress"])


def test_data_of_the_program_is_a_map_of_one_element() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        loaded.programs["pass"].test_run(FRAME, repeat=3)
        assert int.from_bytes(loaded.maps[".bss"].lookup(0)[:4], "little") == 3
