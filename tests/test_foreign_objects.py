# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Object files as other projects write them: what loads, and what is left out of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec import ModelLab
from spec.errors import InputError, KernelError
from spec.lab import Lab
from spec.uapi import XDP_PASS, XDP_TX

CompileBpf = Callable[..., Path]

FRAME = bytes(range(64))

HEAD = """
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <string.h>
#include <bpf/bpf_helpers.h>
#define PER_CPU(name) struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __type(key, __u32); \\
    __type(value, __u64); __uint(max_entries, 1); } name SEC(".maps")
char _license[] SEC("license") = "GPL";
"""

PASS = 'SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }\n'


def numbers(value: bytes) -> list[int]:
    """The 64-bit numbers that *value* consists of, one for each CPU."""
    return [int.from_bytes(value[at : at + 8], "little") for at in range(0, len(value), 8)]


def test_only_xdp_programs_that_are_to_be_loaded_are_there(
    lab: Lab, compile_bpf: CompileBpf
) -> None:
    source = """
    SEC("?xdp") int by_hand(struct xdp_md *ctx) { return XDP_DROP; }
    SEC("tc") int other(struct __sk_buff *skb) { return skb->len; }
    SEC("fentry/nothing_like_it") int BPF_traced(void *ctx) { return 0; }
    """
    with lab.load(compile_bpf(HEAD + PASS + source)) as loaded:
        assert set(loaded.programs) == {"pass"}
        assert loaded.programs["pass"].test_run(FRAME).retval == XDP_PASS


def test_a_section_that_is_of_no_type_is_named(lab: Lab, compile_bpf: CompileBpf) -> None:
    path = compile_bpf(HEAD + PASS.replace("xdp", "xpd", 1), "misspelt")
    with pytest.raises(InputError, match=r"section 'xpd' holds no XDP program; name it one of xdp"):
        lab.load(path)


def test_a_map_that_asks_to_be_pinned_stays_in_the_lab(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = HEAD + PASS + "PER_CPU(counts);"
    pinned = source.replace("__type(key", "__uint(pinning, LIBBPF_PIN_BY_NAME); __type(key", 1)
    with lab.load(compile_bpf(pinned)) as loaded:
        assert set(loaded.maps) == {"counts"}
    assert not Path("/sys/fs/bpf/counts").exists()


def test_events_without_a_size_get_a_slot_for_each_cpu(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4);
             __uint(value_size, 4); } events SEC(".maps");
    PER_CPU(counts);
    """
    with lab.load(compile_bpf(HEAD + source)) as loaded:
        cpus = len(numbers(loaded.maps["counts"].lookup(0)))
        assert loaded.maps["events"].max_entries == cpus


def test_a_per_cpu_value_counts_where_the_program_runs(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    PER_CPU(counts);
    struct { __uint(type, BPF_MAP_TYPE_CPUMAP); __type(key, __u32);
             __type(value, struct bpf_cpumap_val); __uint(max_entries, 2); } cpus SEC(".maps");
    static void count(int amount)
    {
        __u32 key = 0;
        __u64 *value = bpf_map_lookup_elem(&counts, &key);
        if (value)
            *value += amount;
    }
    SEC("xdp") int spread(struct xdp_md *ctx) { count(1); return bpf_redirect_map(&cpus, 1, 0); }
    SEC("xdp/cpumap") int there(struct xdp_md *ctx) { count(10); return XDP_DROP; }
    """
    eth0 = lab.tap("eth0")
    with lab.load(compile_bpf(HEAD + source)) as loaded:
        loaded.maps["cpus"].update(1, (64, loaded.programs["there"]))
        eth0.attach(loaded.programs["spread"])
        eth0.receive(FRAME)
        eth0.receive(FRAME)
        assert numbers(loaded.maps["counts"].lookup(0))[:2] == [2, 20]
        eth0.detach()


def test_a_function_may_return_nothing(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    int seen;
    static __noinline void remember(struct xdp_md *ctx) { seen += ctx->rx_queue_index + 1; }
    SEC("xdp") int p(struct xdp_md *ctx) { remember(ctx); return seen; }
    """
    with lab.load(compile_bpf(HEAD + source)) as loaded:
        assert loaded.programs["p"].test_run(FRAME).retval == 1


def test_printing_needs_no_arguments(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    SEC("xdp") int p(struct xdp_md *ctx)
    {
        char text[] = "nothing to add";
        return ((long (*)(const char *, __u32))BPF_FUNC_trace_printk)(text, sizeof(text)) > 0;
    }
    """
    with lab.load(compile_bpf(HEAD + source)) as loaded:
        assert loaded.programs["p"].test_run(FRAME).retval == 1


def test_the_end_of_the_packet_is_only_compared_with(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    SEC("xdp") int p(struct xdp_md *ctx)
    {
        long end = ctx->data_end;
        asm volatile("%0 += 8" : "+r"(end));
        return (long)ctx->data + 14 > end;
    }
    """
    with pytest.raises(KernelError, match=r"EACCES: R\d pointer arithmetic on pkt_end prohibited$"):
        lab.load(compile_bpf(HEAD + source))


def test_tail_calls_go_through_no_other_map(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    PER_CPU(counts);
    SEC("xdp") int p(struct xdp_md *ctx) { bpf_tail_call(ctx, &counts, 0); return XDP_PASS; }
    """
    with pytest.raises(KernelError) as refusal:
        lab.load(compile_bpf(HEAD + source))
    assert str(refusal.value) == "EINVAL: expected prog array map for tail call"


def test_what_the_kernel_may_lack_is_null(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    extern int nothing_like_it(struct xdp_md *ctx) __ksym __weak;
    SEC("xdp") int p(struct xdp_md *ctx)
    {
        return nothing_like_it ? nothing_like_it(ctx) : XDP_PASS;
    }
    """
    with lab.load(compile_bpf(HEAD + source)) as loaded:
        assert loaded.programs["p"].test_run(FRAME).retval == XDP_PASS


def test_memory_is_copied_in_place(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    SEC("xdp") int p(struct xdp_md *ctx)
    {
        struct ethhdr *eth = (void *)(long)ctx->data;
        unsigned char held[ETH_ALEN];

        if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
            return XDP_ABORTED;
        memcpy(held, eth->h_dest, ETH_ALEN);
        memmove(eth->h_dest, eth->h_source, ETH_ALEN);
        memset(eth->h_source, 0xff, ETH_ALEN);
        return held[5] == 5 ? XDP_TX : XDP_PASS;
    }
    """
    with lab.load(compile_bpf(HEAD + source)) as loaded:
        result = loaded.programs["p"].test_run(FRAME)
    assert (result.retval, result.data) == (XDP_TX, FRAME[6:12] + b"\xff" * 6 + FRAME[12:])


SOCKETS = """
struct { __uint(type, BPF_MAP_TYPE_SOCKMAP); __uint(key_size, 4); __uint(value_size, 4);
         __uint(max_entries, 1); } sockets SEC(".maps");
"""


def test_a_map_that_only_other_programs_use_does_not_matter(
    lab: Lab, compile_bpf: CompileBpf
) -> None:
    with lab.load(compile_bpf(HEAD + SOCKETS + PASS)) as loaded:
        assert loaded.programs["pass"].test_run(FRAME).retval == XDP_PASS


def test_a_map_of_a_type_the_model_lacks_is_named(compile_bpf: CompileBpf) -> None:
    source = """
    SEC("xdp") int p(struct xdp_md *ctx)
    {
        __u32 key = 0;
        return bpf_map_delete_elem(&sockets, &key);
    }
    """
    path = compile_bpf(HEAD + SOCKETS + source)
    with ModelLab() as lab, pytest.raises(InputError, match="map sockets: has type 15, which the"):
        lab.load(path)


def test_a_kernel_function_that_is_called_all_the_same_is_named(compile_bpf: CompileBpf) -> None:
    source = """
    extern int nothing_like_it(struct xdp_md *ctx) __ksym __weak;
    SEC("xdp") int p(struct xdp_md *ctx) { return nothing_like_it(ctx); }
    """
    path = compile_bpf(HEAD + source)
    with ModelLab() as lab, pytest.raises(InputError, match="calls kernel function nothing_like"):
        lab.load(path)


def test_nobody_listens_where_there_are_no_sockets(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    SEC("xdp") int p(struct xdp_md *ctx)
    {
        struct bpf_sock_tuple tuple = {};
        struct bpf_sock *found = bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv4), -1, 0);
        __u32 port = 0;

        if (found) {
            port = found->src_port;
            bpf_sk_release(found);
        }
        return found ? port : 77;
    }
    """
    with lab.load(compile_bpf(HEAD + source)) as loaded:
        assert loaded.programs["p"].test_run(FRAME).retval == 77


def test_what_equals_a_pointer_is_not_null(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); __type(value, __u64);
             __uint(max_entries, 1); } values SEC(".maps");
    SEC("xdp") int p(struct xdp_md *ctx)
    {
        __u32 key = 0;
        __u64 *one = bpf_map_lookup_elem(&values, &key), *other;

        if (!one)
            return 5;
        other = bpf_map_lookup_elem(&values, &key);
        barrier_var(one);
        return other == one ? *other : 6;
    }
    """
    with lab.load(compile_bpf(HEAD + source)) as loaded:
        program = loaded.programs["p"]
        assert program.test_run(FRAME).retval == 5
        loaded.maps["values"].update(0, (9).to_bytes(8, "little"))
        assert program.test_run(FRAME).retval == 9


def test_nothing_is_atomic_in_a_packet(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = """
    SEC("xdp") int p(struct xdp_md *ctx)
    {
        __u32 *data = (void *)(long)ctx->data;

        if (data + 1 > (__u32 *)(long)ctx->data_end)
            return 0;
        __sync_fetch_and_add(data, 1);
        return 2;
    }
    """
    with pytest.raises(KernelError) as refusal:
        lab.load(compile_bpf(HEAD + source))
    assert str(refusal.value).startswith("EACCES: BPF_ATOMIC stores into R")
    assert str(refusal.value).endswith(" pkt is not allowed")
