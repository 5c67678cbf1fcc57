# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compiled programs give the same verdict and packet on both engines and on the live kernel."""

from __future__ import annotations

from collections.abc import Callable
from errno import EACCES, EFAULT, EINVAL, ENOENT
from pathlib import Path
from typing import NamedTuple

import pytest

from spec.frame import Frame
from spec.lab import Lab
from spec.machine import load
from spec.machine.host import Context
from spec.testing.differential.programs.assembly import EXIT, op
from tests.machine_programs import ENGINES, Recorder, load_object, program

CompileBpf = Callable[..., Path]

FRAME = bytes(range(64))


class Case(NamedTuple):
    """The body of a program, what it returns for ``FRAME``, and the packet afterwards."""

    body: str
    returned: int
    packet: bytes = FRAME
    outside: str = ""


HEAD = """
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#define MAP(name, kind, key_bytes, value_bytes, entries, flags) \\
    struct { __uint(type, BPF_MAP_TYPE_##kind); __uint(key_size, key_bytes); \\
             __uint(value_size, value_bytes); __uint(max_entries, entries); \\
             __uint(map_flags, flags); } name SEC(".maps")
#define DATA ((unsigned char *)(long)ctx->data)
#define END ((unsigned char *)(long)ctx->data_end)
char _license[] SEC("license") = "GPL";
"""


def folded(new: list[int], old: list[int], seed: int) -> int:
    """The Internet checksum of what was added and removed, in 16-bit words."""
    total = seed + sum(new) + sum(~each & 0xFFFF for each in old)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


CASES = {
    "a shorter head": Case(
        "return bpf_xdp_adjust_head(ctx, 14) ? 1 : DATA + 1 > END ? 2 : DATA[0];", 14, FRAME[14:]
    ),
    "a longer head": Case(
        "if (bpf_xdp_adjust_head(ctx, -4)) return 1; unsigned char *d = DATA;"
        "if (d + 4 > END) return 2; d[0] = 1; d[1] = 2; d[2] = 3; d[3] = 4; return 77;",
        77,
        bytes([1, 2, 3, 4]) + FRAME,
    ),
    "a head beyond the headroom": Case("return -bpf_xdp_adjust_head(ctx, -217);", EINVAL),
    "a head at the end of the headroom": Case(
        "if (bpf_xdp_adjust_head(ctx, -216)) return 1;"
        " return bpf_xdp_adjust_head(ctx, 216) ? 2 : 3;",
        3,
    ),
    "less than an Ethernet header": Case("return -bpf_xdp_adjust_head(ctx, 51);", EINVAL),
    "exactly an Ethernet header": Case("return -bpf_xdp_adjust_head(ctx, 50);", 0, FRAME[50:]),
    "a shorter tail": Case("return bpf_xdp_adjust_tail(ctx, -20);", 0, FRAME[:-20]),
    "a longer tail": Case("return bpf_xdp_adjust_tail(ctx, 20);", 0, FRAME + bytes(20)),
    "a tail regrown with zeros": Case(
        "bpf_xdp_adjust_tail(ctx, -20); return bpf_xdp_adjust_tail(ctx, 20);",
        0,
        FRAME[:-20] + bytes(20),
    ),
    "a tail beyond the page": Case("return -bpf_xdp_adjust_tail(ctx, 3457);", EINVAL),
    "a tail that leaves no header": Case("return -bpf_xdp_adjust_tail(ctx, -51);", EINVAL),
    "metadata of a wrong size": Case("return -bpf_xdp_adjust_meta(ctx, -6);", EACCES),
    "metadata after the packet began": Case("return -bpf_xdp_adjust_meta(ctx, 4);", EINVAL),
    "too much metadata for its length": Case("return -bpf_xdp_adjust_meta(ctx, -256);", EINVAL),
    "metadata": Case(
        "if (bpf_xdp_adjust_meta(ctx, -8)) return 1; __u32 *m = (void *)(long)ctx->data_meta;"
        "if ((void *)(m + 2) > (void *)(long)ctx->data) return 2; m[1] = 5;"
        "if (bpf_xdp_adjust_head(ctx, 14)) return 3; m = (void *)(long)ctx->data_meta;"
        "if ((void *)(m + 2) > (void *)(long)ctx->data) return 4; __u32 kept = m[1];"
        "return bpf_xdp_adjust_meta(ctx, 8) ? 6 : kept + 100;",
        105,
        FRAME[14:],
    ),
    "the length": Case("return bpf_xdp_get_buff_len(ctx);", 64),
    "bytes loaded": Case(
        "__u32 word; if (bpf_xdp_load_bytes(ctx, 20, &word, 4)) return 1; return word;",
        0x17161514,
    ),
    "bytes loaded past the end": Case(
        "__u32 word; return -bpf_xdp_load_bytes(ctx, 61, &word, 4);", EINVAL
    ),
    "bytes loaded from very far": Case(
        "__u32 word; return -bpf_xdp_load_bytes(ctx, 0x10000, &word, 4);", EFAULT
    ),
    "bytes stored": Case(
        "__u32 word = 0; return bpf_xdp_store_bytes(ctx, 4, &word, 4);",
        0,
        FRAME[:4] + bytes(4) + FRAME[8:],
    ),
    "a checksum": Case(
        "__be32 old[2] = {1, 2}, new[2] = {3, 0xffff0000};return bpf_csum_diff(old, 8, new, 8, 5);",
        folded([3, 0, 0, 0xFFFF], [1, 0, 2, 0], 5),
    ),
    "a checksum of three removed bytes": Case(
        "__be32 old = 1; return bpf_csum_diff(&old, 3, 0, 0, 0);", 0xFFFE
    ),
    "a checksum of added bytes": Case(
        "__be32 new[2] = {0xffffffff, 1}; return bpf_csum_diff(0, 0, new, 8, 0xffff);",
        folded([0xFFFF, 0xFFFF, 1], [], 0xFFFF),
    ),
    "an array": Case(
        "__u32 k = 1, k9 = 9; __u64 v = 41; bpf_map_update_elem(&m, &k, &v, 0);"
        "__u64 *p = bpf_map_lookup_elem(&m, &k); if (!p) return 1; *p += 1;"
        "p = bpf_map_lookup_elem(&m, &k); if (!p) return 2; __u64 r = *p;"
        "if (bpf_map_update_elem(&m, &k9, &v, 0) != -7) return 3;"
        "if (bpf_map_update_elem(&m, &k, &v, BPF_NOEXIST) != -17) return 4;"
        "if (bpf_map_delete_elem(&m, &k) != -22) return 5; return r;",
        42,
        outside="MAP(m, ARRAY, 4, 8, 4, 0);",
    ),
    "a hash": Case(
        "__u32 k = 77, v = 5, w = 6; if (bpf_map_lookup_elem(&m, &k)) return 1;"
        "if (bpf_map_update_elem(&m, &k, &v, BPF_EXIST) != -2) return 2;"
        "if (bpf_map_update_elem(&m, &k, &v, 0)) return 3; __u32 *p = bpf_map_lookup_elem(&m, &k);"
        "if (!p) return 4; bpf_map_update_elem(&m, &k, &w, 0); __u32 old = *p;"
        "p = bpf_map_lookup_elem(&m, &k); if (!p) return 5; __u32 new = *p;"
        "if (bpf_map_delete_elem(&m, &k)) return 6; if (!bpf_map_delete_elem(&m, &k)) return 7;"
        "return old * 16 + new;",
        0x56,
        outside="MAP(m, HASH, 4, 4, 4, 0);",
    ),
    "per-CPU counters": Case(
        "__u32 k = 0; __u64 *p = bpf_map_lookup_elem(&m, &k); if (!p) return 1; *p += 3;"
        "p = bpf_map_lookup_elem(&m, &k); return p ? *p : 2;",
        3,
        outside="MAP(m, PERCPU_ARRAY, 4, 8, 1, 0);",
    ),
    "a trie": Case(
        "struct { __u32 bits; unsigned char d[4]; } k = {16, {10, 1}}, q = {32, {10, 1, 2, 3}};"
        "__u32 v = 9, *p; bpf_map_update_elem(&m, &k, &v, 0); p = bpf_map_lookup_elem(&m, &q);"
        "return p ? *p : 1;",
        9,
        outside="MAP(m, LPM_TRIE, 8, 4, 4, BPF_F_NO_PREALLOC);",
    ),
    "a ring buffer": Case(
        "__u32 *r = bpf_ringbuf_reserve(&m, 4, 0); if (!r) return 1; *r = 8;"
        "bpf_ringbuf_submit(r, 0); r = bpf_ringbuf_reserve(&m, 4, 0); if (!r) return 2;"
        "bpf_ringbuf_discard(r, 0); __u32 x = 3; if (bpf_ringbuf_output(&m, &x, 4, 0)) return 3;"
        "return bpf_ringbuf_query(&m, BPF_RB_AVAIL_DATA);",
        48,
        outside="struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); }"
        ' m SEC(".maps");',
    ),
    "a perf event nobody asked for": Case(
        "__u32 x = 3; return -bpf_perf_event_output(ctx, &m, BPF_F_CURRENT_CPU, &x, 4);",
        ENOENT,
        outside="MAP(m, PERF_EVENT_ARRAY, 4, 4, 4, 0);",
    ),
    "a tail call": Case(
        "bpf_tail_call(ctx, &m, 1); bpf_tail_call(ctx, &m, 0); return 1;",
        5,
        outside='SEC("xdp") int five(struct xdp_md *ctx) { return ctx->rx_queue_index + 5; }'
        "struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2);"
        " __uint(key_size, 4); __array(values, int(void *)); } m"
        ' SEC(".maps") = { .values = { [0] = (void *)&five } };',
    ),
    "global variables": Case(
        "total += first; total += second[2]; first = 0; return total;",
        107,
        outside="int first = 4; const volatile int second[3] = {1, 2, 3}; int total = 100; int z;",
    ),
    "functions of its own": Case(
        "int a = 3; return bump(&a, 4) * 100 + a;",
        707,
        outside="static __noinline int add(int x, int y) { barrier_var(x); return x + y; }"
        "static __noinline int bump(int *x, int y) { *x = add(*x, y); return *x; }",
    ),
    "a callback": Case(
        "int sum = 0; int n = bpf_loop(10, each, &sum, 0); return n * 100 + sum;",
        510,
        outside="static long each(__u64 i, void *sum) { *(int *)sum += i; return i == 4; }",
    ),
    "atomic operations": Case(
        "__u64 *p = &cell; __u64 a = __sync_fetch_and_add(p, 5), b = __sync_fetch_and_or(p, 16);"
        "__u64 c = __sync_lock_test_and_set(p, 3), d = __sync_val_compare_and_swap(p, 3, 9);"
        "return a + b * 16 + c * 256 + d * 65536 + (*p << 20);",
        7 + 12 * 16 + 28 * 256 + 3 * 65536 + (9 << 20),
        outside="__u64 cell = 7;",
    ),
    "a loop over the packet": Case(
        "unsigned char *d = DATA; if (d + 64 > END) return 1; int sum = 0;\n"
        "#pragma clang loop unroll(disable)\n"
        "for (int i = 0; i < 64; i++) { barrier_var(sum); sum = sum * 3 + d[i]; }"
        "return sum;",
        sum(3 ** (63 - i) * i for i in range(64)) & 0xFFFFFFFF,
    ),
    "a table of cases": Case(
        "unsigned char *d = DATA; if (d + 14 > END) return 1;"
        "switch (d[6]) { case 0: return 10; case 1: return 22; case 2: return 31; case 3: return 5;"
        " case 4: return 8; case 5: return 99; case 6: return 60 + d[7]; default: return 0; }",
        67,
    ),
}


def source_of(name: str) -> str:
    case = CASES[name]
    return f'{HEAD}{case.outside}\nSEC("xdp") int p(struct xdp_md *ctx)\n{{\n{case.body}\n}}\n'


@pytest.mark.parametrize("machine", ENGINES)
def test_metadata_was_shorter_before_6_8(machine: str) -> None:
    code = program(op(0xB7, 2, imm=-36 & 0xFFFFFFFF), op(0x85, imm=54), op(0x87), EXIT)
    for release, expected in (("6.6", EACCES), ("6.8", 0)):
        executable = load(code, {}, release, machine)
        assert executable.run(Context(Frame.of(FRAME)), Recorder()) == expected


@pytest.mark.parametrize("machine", ENGINES)
def test_checksums_had_32_bits_before_6_13(machine: str) -> None:
    code = program(
        op(0x62, 10, 0, -4, 0x12345678),
        op(0xB7, 1),
        op(0xB7, 2),
        op(0xBF, 3, 10),
        op(0x07, 3, imm=-4 & 0xFFFFFFFF),
        op(0xB7, 4, imm=4),
        op(0xB7, 5, imm=1),
        op(0x85, imm=28),
        EXIT,
    )
    for release, expected in (("6.12", 0x12345679), ("6.13", 0x1234 + 0x5679)):
        executable = load(code, {}, release, machine)
        assert executable.run(Context(Frame.of(FRAME)), Recorder()) == expected


@pytest.mark.parametrize("machine", ENGINES)
def test_checksums_were_of_at_most_512_bytes_before_6_13(machine: str) -> None:
    both = [op(0xBF, 1, 10), op(0x07, 1, imm=-260 & 0xFFFFFFFF), op(0xB7, 2, imm=260)]
    again = [op(0xBF, 3, 1), op(0xB7, 4, imm=260), op(0xB7, 5)]
    code = program(*both, *again, op(0x85, imm=28), op(0x67, imm=32), op(0xC7, imm=32), EXIT)
    for release, expected in (("6.12", -EINVAL & 0xFFFFFFFF), ("6.13", 0xFFFF)):
        executable = load(code, {}, release, machine)
        assert executable.run(Context(Frame.of(FRAME)), Recorder()) == expected


@pytest.mark.parametrize("name", CASES)
def test_the_lab_agrees(lab: Lab, compile_bpf: CompileBpf, name: str) -> None:
    with lab.load(compile_bpf(source_of(name))) as loaded:
        result = loaded.programs["p"].test_run(FRAME)
    assert (int(result.retval), result.data) == (CASES[name].returned, CASES[name].packet)


@pytest.mark.parametrize("machine", ENGINES)
@pytest.mark.parametrize("name", [each for each in CASES if each != "a tail call"])
def test_either_engine_agrees(compile_bpf: CompileBpf, name: str, machine: str) -> None:
    executable, _ = load_object(compile_bpf(source_of(name)), "p", machine)
    frame = Frame.of(FRAME)
    returned = executable.run(Context(frame), Recorder())
    assert (returned, frame.data()) == (CASES[name].returned, CASES[name].packet)
