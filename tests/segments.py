# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""TCP segments, and a program by which several different ones arrive at a CPU together."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spec.lab import Device, Lab

SLOT, MOST = 128, 8
"""Bytes of a segment, and how many there may be."""

SOURCE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_CPUMAP);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 64);
} cpus SEC(".maps");

struct slot { __u8 bytes[126]; __u16 length; };

/* Each frame brings all segments, and leaves as one of them: to the device or to the CPU. */
struct parcel {
    __u32 ifindex;
    __u8 cpu, unused[123];
    struct slot segments[8];
};

int turn;

SEC("xdp") int unpacks(struct xdp_md *ctx)
{
    struct parcel *parcel = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    __u32 number = turn++ & 7;
    struct slot *chosen;
    __u16 length;
    __u32 ifindex;
    __u8 cpu;

    if ((void *)(parcel + 1) > end)
        return XDP_DROP;
    ifindex = parcel->ifindex;
    cpu = parcel->cpu;
    chosen = parcel->segments + number;
    /* Keeps the compiler from computing it anew after the check. */
    asm volatile("" : "+r"(chosen));
    if ((void *)(chosen + 1) > end)
        return XDP_DROP;
    length = chosen->length;
    *(struct slot *)parcel = *chosen;
    if (bpf_xdp_adjust_tail(ctx, (int)length - (int)sizeof(struct parcel)))
        return XDP_DROP;
    return ifindex ? bpf_redirect(ifindex, 0) : bpf_redirect_map(&cpus, cpu, 0);
}

SEC("xdp") int passes(struct xdp_md *ctx) { return XDP_PASS; }

char _license[] SEC("license") = "GPL";
"""


@dataclass(frozen=True)
class Tcp:
    """One segment; ``flags`` are those of the TCP header, ``padding`` follows the IP packet."""

    sequence: int = 1000
    payload: bytes = bytes(20)
    flags: int = 0x10
    identification: int = 1
    fragment: int = 0x4000
    ttl: int = 64
    tos: int = 0
    window: int = 500
    acknowledgment: int = 7
    options: bytes = b""
    source_port: int = 1234
    source: int = 1
    mac: int = 1
    padding: int = 0
    spoilt: bool = False
    ipv6: bool = False

    def then(self, **changes: object) -> Tcp:
        """The segment that follows this one, but for *changes*."""
        following = replace(
            self,
            sequence=self.sequence + len(self.payload) & 0xFFFFFFFF,
            identification=self.identification + 1 & 0xFFFF,
        )
        return replace(following, **changes)  # type: ignore[arg-type]

    def frame(self) -> bytes:
        """The segment as an Ethernet frame."""
        size = 20 + len(self.options)
        tcp = struct.pack(
            "!HHIIBBHHH",
            self.source_port,
            80,
            self.sequence,
            self.acknowledgment,
            size // 4 << 4,
            self.flags,
            self.window,
            0,
            0,
        )
        tcp += self.options + self.payload
        address = bytes(15 if self.ipv6 else 3)
        addresses = address + bytes([self.source]) + address + b"\x63"
        check = checksum(addresses + struct.pack("!II", 6, len(tcp)) + tcp) ^ self.spoilt
        tcp = tcp[:16] + struct.pack("!H", check) + tcp[18:]
        if self.ipv6:
            word = 6 << 28 | self.tos << 20
            header = struct.pack("!IHBB", word, len(tcp), 6, self.ttl) + addresses
        else:
            header = struct.pack(
                "!BBHHHBBH",
                0x45,
                self.tos,
                20 + len(tcp),
                self.identification,
                self.fragment,
                self.ttl,
                6,
                0,
            )
            header += addresses
            header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        kind = b"\x86\xdd" if self.ipv6 else b"\x08\x00"
        macs = bytes.fromhex("020000000002 0200000000") + bytes([self.mac])
        return macs + kind + header + tcp + bytes(self.padding)


FIRST = Tcp()


class Stack:
    """What ``eth0`` gives to the stack of segments that arrive together."""

    def __init__(self, lab: Lab, path: Path) -> None:
        loaded = lab.load(path)
        self.unpacks, self.passes = loaded.programs["unpacks"], loaded.programs["passes"]
        self.eth0 = lab.tap("eth0")
        self.turn = 0
        self.here = 0
        if lab.engine == "kernel":
            (self.here,) = os.sched_getaffinity(0)
        loaded.maps["cpus"].update(self.here, 192)

    def gets(
        self, *segments: Tcp, device: Device | None = None, through: Device | None = None
    ) -> list[bytes]:
        """The packets, whole; *through* a veth it is the other end that gets them."""
        device = device or self.eth0
        # The program takes the segments in turn, wherever it is.
        shift = self.turn % MOST
        filled = [*segments, *[FIRST] * (MOST - len(segments))]
        turned = filled[MOST - shift :] + filled[: MOST - shift]
        asked = parcel(self.here, turned, through.ifindex if through else 0)
        self.unpacks.test_run(asked, device, repeat=len(segments), live=True)
        self.turn += len(segments)
        return through.sent if through else device.received


def parcel(cpu: int, segments: Sequence[Tcp], ifindex: int = 0) -> bytes:
    """What ``unpacks`` takes apart; as many frames must arrive as there are *segments*."""
    frames = [segment.frame() for segment in segments]
    frames += [b""] * (MOST - len(frames))
    slots = (frame.ljust(SLOT - 2, b"\0") + struct.pack("=H", len(frame)) for frame in frames)
    return struct.pack("=IB", ifindex, cpu).ljust(SLOT, b"\0") + b"".join(slots)


def checksum(data: bytes) -> int:
    """The Internet checksum."""
    padded = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
