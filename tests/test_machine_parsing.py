# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A program as people write them gives the same for all sorts of packets, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from struct import pack

from spec.frame import Frame
from spec.lab import Lab
from spec.machine.host import Context
from tests.machine_programs import ENGINES, Recorder, load_object

CompileBpf = Callable[..., Path]

SOURCE = r"""
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ICMP_ECHO 8
#define ICMP_ECHOREPLY 0
struct icmphdr { __u8 type, code; __sum16 checksum; __be32 rest; };
struct tag { __be16 tci, proto; };
struct counter { __u64 packets, bytes; };

struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __type(key, __u32);
         __type(value, struct counter); __uint(max_entries, XDP_REDIRECT + 1); } seen SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __type(key, __be32); __type(value, __u32);
         __uint(max_entries, 64); } sources SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(key_size, 8); __uint(value_size, 4);
         __uint(max_entries, 8); __uint(map_flags, BPF_F_NO_PREALLOC); } blocked SEC(".maps");

static __always_inline int count(struct xdp_md *ctx, __u32 action)
{
    struct counter *counter = bpf_map_lookup_elem(&seen, &action);

    if (!counter)
        return XDP_ABORTED;
    counter->packets++;
    counter->bytes += ctx->data_end - ctx->data;
    return action;
}

static __noinline __u16 fold(__u32 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return ~(sum + (sum >> 16));
}

static __always_inline int answer_echo(struct ethhdr *eth, struct iphdr *ip, void *at, void *end)
{
    struct icmphdr *icmp = at;
    __u8 mac[ETH_ALEN];
    __be32 address = ip->saddr;
    __be32 was, is;

    if ((void *)(icmp + 1) > end || icmp->type != ICMP_ECHO)
        return XDP_PASS;
    was = *(__be32 *)icmp;
    icmp->type = ICMP_ECHOREPLY;
    is = *(__be32 *)icmp;
    icmp->checksum = fold(bpf_csum_diff(&was, 4, &is, 4, (__u16)~icmp->checksum));
    ip->saddr = ip->daddr;
    ip->daddr = address;
    __builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
    __builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
    __builtin_memcpy(eth->h_source, mac, ETH_ALEN);
    return XDP_TX;
}

static __always_inline int pop_tag(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct ethhdr old, *eth = data;
    struct tag *tag = (void *)(eth + 1);

    if ((void *)(tag + 1) > end)
        return XDP_DROP;
    old = *eth;
    old.h_proto = tag->proto;
    if (bpf_xdp_adjust_head(ctx, sizeof(*tag)))
        return XDP_ABORTED;
    eth = (void *)(long)ctx->data;
    if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
        return XDP_ABORTED;
    *eth = old;
    return XDP_PASS;
}

SEC("xdp") int p(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *at;
    struct ethhdr *eth = data;
    __u16 proto;
    int tags = 0;

    if ((void *)(eth + 1) > end)
        return count(ctx, XDP_DROP);
    proto = eth->h_proto;
    at = eth + 1;
    for (int i = 0; i < 3; i++) {
        struct tag *tag = at;

        if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
            break;
        if ((void *)(tag + 1) > end)
            return count(ctx, XDP_DROP);
        proto = tag->proto;
        at = tag + 1;
        tags++;
    }
    if (tags == 2)
        return count(ctx, pop_tag(ctx));
    if (proto == bpf_htons(ETH_P_IP)) {
        struct { __u32 bits; __be32 address; } key = { .bits = 32 };
        struct iphdr *ip = at;
        __u32 one = 1, *times;

        if ((void *)(ip + 1) > end || ip->ihl < 5)
            return count(ctx, XDP_DROP);
        at = (void *)ip + ip->ihl * 4;
        key.address = ip->saddr;
        if (bpf_map_lookup_elem(&blocked, &key))
            return count(ctx, XDP_DROP);
        times = bpf_map_lookup_elem(&sources, &key.address);
        if (times)
            __sync_fetch_and_add(times, 1);
        else
            bpf_map_update_elem(&sources, &key.address, &one, BPF_NOEXIST);
        switch (ip->protocol) {
        case IPPROTO_ICMP:
            return count(ctx, answer_echo(eth, ip, at, end));
        case IPPROTO_UDP: {
            struct udphdr *udp = at;

            if ((void *)(udp + 1) > end)
                return count(ctx, XDP_DROP);
            if (bpf_ntohs(udp->dest) >= 1024 && (__s16)bpf_ntohs(udp->source) < 0) {
                ip->ttl--;
                ip->check = fold((__u16)~ip->check + 0xfeff);
                return count(ctx, XDP_TX);
            }
            return count(ctx, XDP_PASS);
        }
        case IPPROTO_TCP: {
            struct tcphdr *tcp = at;

            if ((void *)(tcp + 1) > end)
                return count(ctx, XDP_DROP);
            return count(ctx, tcp->syn && !tcp->ack ? XDP_DROP : XDP_PASS);
        }
        default:
            return count(ctx, times && *times > 3 ? XDP_ABORTED : XDP_PASS);
        }
    }
    if (proto == bpf_htons(ETH_P_IPV6)) {
        struct ipv6hdr *ip = at;

        if ((void *)(ip + 1) > end)
            return count(ctx, XDP_DROP);
        if (ip->hop_limit <= 1 || ip->saddr.s6_addr[0] == 0xff)
            return count(ctx, XDP_DROP);
        ip->hop_limit--;
        return count(ctx, bpf_xdp_adjust_tail(ctx, -4) ? XDP_DROP : XDP_PASS);
    }
    return count(ctx, XDP_PASS);
}
char _license[] SEC("license") = "GPL";
"""

BLOCKED = (16).to_bytes(4, "little") + bytes([10, 9, 0, 0])


def random_packet(random: Random) -> bytes:
    """Ethernet, up to three tags, IPv4 or IPv6 or neither, a transport header, cut anywhere."""
    packet = random.randbytes(12)
    for _ in range(random.choice((0, 0, 0, 1, 2, 3))):
        packet += random.choice((b"\x81\x00", b"\x88\xa8")) + random.randbytes(2)
    network = random.choice((b"\x08\x00", b"\x08\x00", b"\x08\x00", b"\x86\xdd", b"\x12\x34"))
    packet += network
    if network == b"\x08\x00":
        words = random.choice((5, 5, 5, 6, 15, 3))
        source = random.choice((b"\x0a\x09\x01\x02", b"\x0a\x01\x01\x01", b"\x0a\x01\x01\x02"))
        packet += bytes([0x40 | words]) + random.randbytes(7) + bytes([random.choice((0, 64))])
        packet += bytes([random.choice((1, 1, 6, 17, 17, 50))]) + random.randbytes(2) + source
        packet += random.randbytes(4) + bytes(4 * max(words - 5, 0))
    transport = pack(">HH", random.randrange(65536), random.choice((80, 5000))) + random.randbytes(
        9
    )
    packet += random.choice((b"\x08\x00" + random.randbytes(11), transport)) + random.randbytes(40)
    if random.random() < 0.3:
        packet = packet[: random.randrange(14, len(packet))]
    return packet


def test_all_agree_on_random_packets(lab: Lab, compile_bpf: CompileBpf) -> None:
    path = compile_bpf(SOURCE)
    random = Random(7)
    engines = [load_object(path, "p", engine) for engine in ENGINES]
    verdicts = set()
    with lab.load(path) as loaded:
        loaded.maps["blocked"].update_bytes(BLOCKED, bytes(4), 0)
        for _, maps in engines:
            maps["blocked"].program_update(BLOCKED, bytes(4), 0)
        for _ in range(150):
            packet = random_packet(random)
            result = loaded.programs["p"].test_run(packet)
            for executable, _ in engines:
                frame = Frame.of(packet)
                returned = executable.run(Context(frame), Recorder())
                assert (returned, frame.data()) == (int(result.retval), result.data), packet.hex()
            verdicts.add(int(result.retval))
    assert verdicts == {0, 1, 2, 3}
