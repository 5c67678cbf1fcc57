# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The C that the benchmark runs, and one function in Python that does the same by hand."""

from __future__ import annotations

import struct

REDIRECT = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 4096);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
} tx_port SEC(".maps");

SEC("xdp")
int xdp_redirect_map_func(struct xdp_md *ctx)
{
    return bpf_redirect_map(&tx_port, ctx->rx_queue_index, 0);
}

SEC("xdp")
int xdp_broadcast(struct xdp_md *ctx)
{
    return bpf_redirect_map(&tx_port, 0, BPF_F_EXCLUDE_INGRESS | BPF_F_BROADCAST);
}

char LICENSE[] SEC("license") = "GPL";
"""

TURNS = 2000
SEED = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1

ALU_LOOP = f"""
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int alu_loop(struct xdp_md *ctx)
{{
    __u64 state = {SEED}ULL + ctx->ingress_ifindex;

    for (int turn = 0; turn < {TURNS}; turn++) {{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }}
    return state;
}}

char LICENSE[] SEC("license") = "GPL";
"""


def alu_loop(ingress_ifindex: int) -> int:
    """What ``alu_loop()`` returns for a frame from that device."""
    state = SEED + ingress_ifindex & MASK
    turn = 0
    while turn < TURNS:
        state ^= state << 13 & MASK
        state ^= state >> 7
        state ^= state << 17 & MASK
        turn += 1
    return state & 0xFFFFFFFF


REWRITE = """
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
    __uint(max_entries, 4);
} tx_port SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, __u64);
    __uint(max_entries, 4);
} frames SEC(".maps");

static __u16 folded(__u32 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return sum + (sum >> 16);
}

SEC("xdp")
int rewrite(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct ethhdr *ethernet = data;
    struct iphdr *ip = (void *)(ethernet + 1);
    struct udphdr *udp = (void *)(ip + 1);
    __u8 address[ETH_ALEN];
    __u16 *words = (void *)ip;
    __u32 sum = 0, slot = 0;
    __u64 *count;

    if ((void *)(udp + 1) > end || ethernet->h_proto != bpf_htons(ETH_P_IP))
        return XDP_PASS;
    if (ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP || ip->ttl <= 1)
        return XDP_PASS;
#pragma unroll
    for (int index = 0; index < 10; index++)
        sum += words[index];
    if (folded(sum) != 0xffff)
        return XDP_DROP;

    __builtin_memcpy(address, ethernet->h_dest, ETH_ALEN);
    __builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
    __builtin_memcpy(ethernet->h_source, address, ETH_ALEN);

    ip->ttl--;
    ip->daddr = bpf_htonl(bpf_ntohl(ip->daddr) + 1);
    ip->check = 0;
    sum = 0;
#pragma unroll
    for (int index = 0; index < 10; index++)
        sum += words[index];
    ip->check = ~folded(sum);
    udp->dest = bpf_htons(bpf_ntohs(udp->dest) ^ 1);
    udp->check = 0;

    count = bpf_map_lookup_elem(&frames, &slot);
    if (count)
        ++*count;
    return bpf_redirect_map(&tx_port, slot, XDP_PASS);
}

char LICENSE[] SEC("license") = "GPL";
"""

ETHERNET = bytes.fromhex("020000000002 020000000001")
FRAME = (ETHERNET + bytes.fromhex("88b5")).ljust(60, b"\0")


def udp_frame() -> bytes:
    """A frame that ``rewrite()`` forwards."""
    addresses = bytes((10, 0, 0, 1, 10, 0, 0, 2))
    header = struct.pack("!BBHHHBBH", 0x45, 0, 46, 1, 0, 64, 17, 0) + addresses
    total = sum(struct.unpack("!10H", header))
    check = ~(total % 0xFFFF) & 0xFFFF
    header = header[:10] + check.to_bytes(2, "big") + header[12:]
    udp = struct.pack("!HHHH", 5000, 6000, 26, 0)
    frame: bytes = ETHERNET + b"\x08\x00" + header + udp
    return frame.ljust(60, b"\0")
