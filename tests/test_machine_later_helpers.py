# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Helpers that ordinary programs came to use later: text, locks, other CPUs' values, MTUs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec import ModelLab
from spec.frame import Frame
from spec.lab import Lab
from spec.machine import load, read_object
from spec.machine.host import Context
from tests.machine_programs import ENGINES, Recorder, load_object
from tests.refusal import refusal

CompileBpf = Callable[..., Path]

FRAME = bytes(range(64))

HEAD = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char _license[] SEC("license") = "GPL";
"""

CASES = {
    "a text of numbers": (
        """
        char text[32] = {};
        static const char format[] = "%d %u %x|%s";
        char word[] = "end";
        __u64 values[] = {-5, 7, 255, (long)word};
        long length = bpf_snprintf(text, sizeof(text), format, values, sizeof(values));
        return length * 1000 + text[1] + text[5];
        """,
        12 * 1000 + ord("5") + ord("f"),
    ),
    "a text from nowhere": (
        """
        char text[8] = {1, 1, 1, 1};
        static const char format[] = "<%s>";
        __u64 values[] = {ctx->rx_queue_index};
        long length = bpf_snprintf(text, sizeof(text), format, values, sizeof(values));
        return length * 1000 + text[1];
        """,
        3 * 1000 + ord(">"),
    ),
    "a text that is cut short": (
        """
        char text[4] = {};
        static const char format[] = "%u-%u";
        __u64 values[] = {123456, 7};
        long length = bpf_snprintf(text, sizeof(text), format, values, sizeof(values));
        return length * 1000 + text[2] + text[3];
        """,
        9 * 1000 + ord("3"),
    ),
    "an address as text": (
        """
        char text[16] = {};
        static const char format[] = "%pI4";
        unsigned char address[4] = {10, 0, 200, 1};
        __u64 values[] = {(long)address};
        long length = bpf_snprintf(text, sizeof(text), format, values, sizeof(values));
        return length * 1000 + text[5];
        """,
        11 * 1000 + ord("2"),
    ),
    "equal texts": (
        """
        char text[8] = "eth0";
        static const char name[] = "eth0";
        return bpf_strncmp(text, sizeof(text), name);
        """,
        0,
    ),
    "a greater text": (
        """
        char text[8] = "eth2";
        static const char name[] = "eth1";
        return bpf_strncmp(text, sizeof(text), name) > 0 ? 7 : 8;
        """,
        7,
    ),
    "a text that is compared in part": (
        """
        char text[4] = {'e', 't', 'h', '9'};
        static const char name[] = "eth";
        return bpf_strncmp(text, 3, name) == 0 && bpf_strncmp(text, 4, name) > 0;
        """,
        1,
    ),
    "many things to print": (
        'return bpf_printk("%d %d %d %d %d", 1, 2, 3, 4, 5) > 0;',
        1,
    ),
    "time of several clocks": (
        "return bpf_jiffies64() > 0 && bpf_ktime_get_tai_ns() > 0 && bpf_get_numa_node_id() >= 0;",
        1,
    ),
}


def cpus_of(lab: Lab) -> int:
    """How many copies a per-CPU value has."""
    return len(lab.create_map("percpu_array", value_size=8).lookup(0)) // 8


BODY = 'SEC("xdp") int p(struct xdp_md *ctx)\n{{\n{}\n}}\n'


@pytest.mark.parametrize("name", CASES)
def test_the_lab_agrees(lab: Lab, compile_bpf: CompileBpf, name: str) -> None:
    body, returned = CASES[name]
    with lab.load(compile_bpf(HEAD + BODY.format(body))) as loaded:
        assert loaded.programs["p"].test_run(FRAME).retval == returned


@pytest.mark.parametrize("machine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_either_engine_agrees(compile_bpf: CompileBpf, name: str, machine: str) -> None:
    body, returned = CASES[name]
    executable, _ = load_object(compile_bpf(HEAD + BODY.format(body)), "p", machine)
    host = Recorder()
    host.ktime_ns = lambda: 10**9  # type: ignore[method-assign]
    assert executable.run(Context(Frame.of(FRAME)), host) == returned


@pytest.mark.parametrize("machine", ENGINES)
def test_what_is_printed_is_formatted(compile_bpf: CompileBpf, machine: str) -> None:
    body = """
    unsigned char four[4] = {192, 168, 0, 1}, six[16] = {0xfe, 0x80, [15] = 1};
    bpf_printk("%pI4 %pI6 %d%% of %llu", four, six, -3, 1ull << 40);
    return 0;
    """
    executable, _ = load_object(compile_bpf(HEAD + BODY.format(body)), "p", machine)
    host = Recorder()
    executable.run(Context(Frame.of(FRAME)), host)
    printed = "192.168.0.1 fe80:0000:0000:0000:0000:0000:0000:0001 -3% of 1099511627776"
    assert host.asked == [("printk", printed)]


def test_a_value_can_be_locked(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    struct counter { struct bpf_spin_lock lock; __u32 count; };
    struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32); __type(value, struct counter);
             __uint(max_entries, 1); } counters SEC(".maps");
    SEC("xdp") int p(struct xdp_md *ctx)
    {
        __u32 key = 0, count;
        struct counter *counter = bpf_map_lookup_elem(&counters, &key);
        if (!counter)
            return -1;
        bpf_spin_lock(&counter->lock);
        count = ++counter->count;
        bpf_spin_unlock(&counter->lock);
        return count;
    }
    """
    with lab.load(compile_bpf(HEAD + source)) as loaded:
        assert loaded.programs["p"].test_run(FRAME, repeat=3).retval == 3


@pytest.mark.parametrize("kind", ["ARRAY", "HASH"])
def test_another_cpu_s_value_can_be_looked_up(lab: Lab, compile_bpf: CompileBpf, kind: str) -> None:
    source = f"""
    struct {{ __uint(type, BPF_MAP_TYPE_PERCPU_{kind}); __type(key, __u32); __type(value, __u64);
             __uint(max_entries, 2); }} values SEC(".maps");
    SEC("xdp") int p(struct xdp_md *ctx)
    {{
        __u32 key = 1;
        __u64 *here = bpf_map_lookup_percpu_elem(&values, &key, bpf_get_smp_processor_id());
        __u64 *there = bpf_map_lookup_percpu_elem(&values, &key, 1);
        __u64 *nowhere = bpf_map_lookup_percpu_elem(&values, &key, 100000);
        return nowhere ? 1 : here && there ? *here * 100 + *there : 2;
    }}
    """
    with lab.load(compile_bpf(HEAD + source)) as loaded:
        copies = b"".join(number.to_bytes(8, "little") for number in range(4, 4 + cpus_of(lab)))
        loaded.maps["values"].update_bytes((1).to_bytes(4, "little"), copies, 0)
        assert loaded.programs["p"].test_run(FRAME).retval == 405


def test_a_packet_is_compared_with_an_mtu(lab: Lab, compile_bpf: CompileBpf) -> None:
    body = """
    __u32 length = 0, asked = 1400, long_one = 1501;
    long own = bpf_check_mtu(ctx, 0, &length, 0, 0);
    long grown = bpf_check_mtu(ctx, 0, &asked, 101, 0);
    long too_long = bpf_check_mtu(ctx, 0, &long_one, 0, 0);
    long missing = bpf_check_mtu(ctx, 9999, &asked, 0, 0);
    long flags = bpf_check_mtu(ctx, 0, &asked, 0, 1);
    return own + 2 * grown + 4 * too_long + 8 * (missing == -19) + 16 * (flags == -22)
        + 32 * (length == 1500 && long_one == 1500);
    """
    eth0 = lab.tap("eth0")
    with lab.load(compile_bpf(HEAD + BODY.format(body))) as loaded:
        assert loaded.programs["p"].test_run(FRAME, ingress=eth0).retval == 2 + 4 + 8 + 16 + 32


MAPS = """
struct inner { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); __type(value, __u32);
               __uint(max_entries, 4); } first SEC(".maps"), second SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_OUTER); __uint(max_entries, 4); __type(key, __u32);
         __type(value, __u32); __array(values, struct inner); } outer SEC(".maps") = {
    .values = {[1] = (void *)&first, [2] = (void *)&second},
};
SEC("xdp") int p(struct xdp_md *ctx)
{
    __u32 key = ctx->rx_queue_index + 2, *value;
    void *map = bpf_map_lookup_elem(&outer, &key);

    if (!map)
        return 1000;
    value = bpf_map_lookup_elem(map, &key);
    if (value)
        return *value;
    __u32 fresh = 77;
    return bpf_map_update_elem(map, &key, &fresh, BPF_NOEXIST);
}
"""


@pytest.mark.parametrize("outer", ["ARRAY_OF_MAPS", "HASH_OF_MAPS"])
def test_a_map_can_hold_maps(lab: Lab, compile_bpf: CompileBpf, outer: str) -> None:
    with lab.load(compile_bpf(HEAD + MAPS.replace("OUTER", outer))) as loaded:
        program, maps = loaded.programs["p"], loaded.maps
        assert int.from_bytes(maps["outer"].lookup(2), "little") == maps["second"].id
        assert program.test_run(FRAME).retval == 0
        assert int.from_bytes(maps["second"].lookup(2), "little") == 77
        assert program.test_run(FRAME).retval == 77
        maps["outer"].update(2, maps["first"].fd)
        assert program.test_run(FRAME).retval == 0
        maps["outer"].delete(2)
        assert program.test_run(FRAME).retval == 1000


@pytest.mark.parametrize("machine", ENGINES)
def test_a_map_in_a_map_is_found_by_either_engine(compile_bpf: CompileBpf, machine: str) -> None:
    path = compile_bpf(HEAD + MAPS.replace("OUTER", "ARRAY_OF_MAPS"))
    with ModelLab() as lab, lab.load(path) as loaded:
        (code,) = read_object(path).programs
        executable = load(code, loaded.maps, engine=machine)  # type: ignore[arg-type]
        loaded.maps["second"].update(2, 5)
        assert executable.run(Context(Frame.of(FRAME)), lab.processors[0]) == 5


def test_a_map_takes_only_maps_like_the_one_it_declares(lab: Lab, compile_bpf: CompileBpf) -> None:
    with lab.load(compile_bpf(HEAD + MAPS.replace("OUTER", "ARRAY_OF_MAPS"))) as loaded:
        outer = loaded.maps["outer"]
        for other in (lab.create_map("array", max_entries=4), lab.create_map("hash", 8)):
            assert refusal(outer.update, 0, other.fd) == "EINVAL"
        outer.update(0, lab.create_map("hash", max_entries=99).fd)
        assert refusal(outer.update, 0, 999_999) == "EBADF"
        assert refusal(outer.lookup, 3) == "ENOENT"
    assert refusal(lab.create_map, "array_of_maps") == "EINVAL"


def test_a_full_lru_of_every_cpu_makes_room(lab: Lab) -> None:
    lru = lab.create_map("lru_percpu_hash", max_entries=4)
    cpus = cpus_of(lab)
    for number in range(40):
        lru.update_bytes(number.to_bytes(4, "little"), bytes(8 * cpus), 0)
    assert lru.lookup(39) == bytes(8 * cpus)
    assert lru.next_key(None) is not None
