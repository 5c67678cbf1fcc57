# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The BPF programs that the tests of the model run, on both engines."""

from __future__ import annotations

import struct

ANSWER_OF_HELPER = 255

BASE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
    __uint(max_entries, 40);
} tx_port SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
    __uint(max_entries, 8);
} forward_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_CPUMAP);
    __type(key, __u32);
    __type(value, struct bpf_cpumap_val);
    __uint(max_entries, 4);
} cpu_map SEC(".maps");

struct wish {
    __u64 key, flags;
    __u32 ifindex, ifindex_flags;
    __u8 calls, verdict;
} __attribute__((packed));

#define WISH(ctx) (void *)(long)(ctx)->data + 14
"""

SOURCE = (
    BASE
    + """
static int follow(struct xdp_md *ctx, void *map)
{
    struct wish *wish = WISH(ctx);
    long answer = XDP_PASS;

    if ((void *)(wish + 1) > (void *)(long)ctx->data_end)
        return XDP_PASS;
    if (wish->calls & 1)
        answer = bpf_redirect(wish->ifindex, wish->ifindex_flags);
    if (wish->calls & 2)
        answer = bpf_redirect_map(map, wish->key, wish->flags);
    if (wish->calls & 4)
        answer = bpf_redirect(wish->ifindex, wish->ifindex_flags);
    return wish->verdict == 255 ? answer : wish->verdict;
}

SEC("xdp") int by_slot(struct xdp_md *ctx) { return follow(ctx, &tx_port); }
SEC("xdp") int by_key(struct xdp_md *ctx) { return follow(ctx, &forward_map); }
SEC("xdp") int by_cpu(struct xdp_md *ctx) { return follow(ctx, &cpu_map); }
SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }

SEC("xdp/devmap") int entry_pass(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp/devmap") int entry_drop(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp/devmap") int entry_aborted(struct xdp_md *ctx) { return XDP_ABORTED; }
SEC("xdp/devmap") int entry_tx(struct xdp_md *ctx) { return XDP_TX; }
SEC("xdp/devmap") int entry_redirect(struct xdp_md *ctx) { return bpf_redirect(1, 0); }

SEC("xdp/devmap") int entry_marks(struct xdp_md *ctx)
{
    __u8 *data = (void *)(long)ctx->data;

    if (data + 60 > (__u8 *)(long)ctx->data_end)
        return XDP_DROP;
    __builtin_memcpy(data + 50, &(__u32){ctx->ingress_ifindex}, 4);
    __builtin_memcpy(data + 54, &(__u32){ctx->egress_ifindex}, 4);
    data[58]++;
    return XDP_PASS;
}

SEC("xdp/devmap") int entry_picks(struct xdp_md *ctx)
{
    __u8 *data = (void *)(long)ctx->data;

    if (data + 60 > (__u8 *)(long)ctx->data_end)
        return XDP_DROP;
    return data[59] ? XDP_DROP : XDP_PASS;
}

SEC("xdp/devmap") int entry_lengthens(struct xdp_md *ctx)
{
    return bpf_xdp_adjust_head(ctx, -100) ? XDP_DROP : XDP_PASS;
}

int seen;
SEC("xdp/devmap") int entry_first_16(struct xdp_md *ctx)
{
    return seen++ < 16 ? XDP_PASS : XDP_DROP;
}

SEC("xdp/cpumap") int cpu_pass(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp/cpumap") int cpu_drop(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp/cpumap") int cpu_aborted(struct xdp_md *ctx) { return XDP_ABORTED; }
SEC("xdp/cpumap") int cpu_on(struct xdp_md *ctx) { return follow(ctx, &tx_port); }

char _license[] SEC("license") = "GPL";
"""
)

FRAGS_SOURCE = (
    BASE
    + """
SEC("xdp.frags") int to_slot_0(struct xdp_md *ctx) { return bpf_redirect_map(&tx_port, 0, 0); }
SEC("xdp.frags") int to_all(struct xdp_md *ctx)
{
    return bpf_redirect_map(&tx_port, 0, BPF_F_EXCLUDE_INGRESS | BPF_F_BROADCAST);
}
SEC("xdp.frags") int to_cpu_1(struct xdp_md *ctx) { return bpf_redirect_map(&cpu_map, 1, 0); }
SEC("xdp.frags") int pass(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp.frags/devmap") int entry_knows_frags(struct xdp_md *ctx) { return XDP_PASS; }

char _license[] SEC("license") = "GPL";
"""
)

PLAIN_SOURCE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 4);
} plain SEC(".maps");

SEC("xdp") int to_all_others(struct xdp_md *ctx)
{
    return bpf_redirect_map(&plain, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
}

char _license[] SEC("license") = "GPL";
"""


def wish(
    key: int = 0,
    flags: int = 0,
    ifindex: int = 0,
    ifindex_flags: int = 0,
    calls: int = 2,
    verdict: int = ANSWER_OF_HELPER,
    length: int = 60,
    last: int = 0,
) -> bytes:
    """A frame that says which helpers ``by_slot`` and its like call, and what they return.

    *calls* is 1 for ``bpf_redirect()`` before and 4 after ``bpf_redirect_map()``, which is 2.
    """
    header = bytes.fromhex("020000000002020000000001 88b5")
    asked = struct.pack("=QQIIBB", key, flags, ifindex, ifindex_flags, calls, verdict)
    return (header + asked).ljust(length - 1, b"\0") + bytes([last])
