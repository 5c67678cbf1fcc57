# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs whose frames say to which CPU they go, and what the program there does with them."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from spec.lab import Device, Lab, Program
from spec.trace import CpumapEnqueue, CpumapKthread, Event, EventLog
from spec.uapi import XDP_PASS
from tests.bpf_pieces import CPUMAP, DEVMAP, INCLUDES, XSKMAP, map_of

ORDER = struct.Struct("=BBBBI")
MARKS = struct.Struct("=IIII")
HEADER = bytes.fromhex("020000000002 020000000001 88b5")
BY_VERDICT, TO_PORT, TO_IFINDEX, TO_SOCKET, ON_TO_CPU = range(5)

SOURCE = (
    INCLUDES
    + map_of(CPUMAP, "cpus", "struct bpf_cpumap_val", entries=64)
    + map_of(CPUMAP, "more_cpus", entries=64)
    + map_of(DEVMAP, "ports")
    + map_of(XSKMAP, "sockets")
    + """
struct order {
    __u8 ethernet[14];
    __u8 cpu, kind, verdict, slot;
    __u32 ifindex;
    __u32 ingress_ifindex, rx_queue_index, ran_on, serial;
} __attribute__((packed));

static __always_inline struct order *order_of(struct xdp_md *ctx)
{
    struct order *order = (void *)(long)ctx->data;

    return (void *)(order + 1) > (void *)(long)ctx->data_end ? 0 : order;
}

SEC("xdp") int to_cpu(struct xdp_md *ctx)
{
    struct order *order = order_of(ctx);

    return order ? bpf_redirect_map(&cpus, order->cpu, 0) : XDP_PASS;
}

int turn;

/* Every other frame goes to the CPU, the rest to a device or to another CPU. */
SEC("xdp") int by_turns(struct xdp_md *ctx)
{
    struct order *order = order_of(ctx);

    if (!order)
        return XDP_PASS;
    if (turn++ % 2 == 0)
        return bpf_redirect_map(&cpus, order->cpu, 0);
    if (order->ifindex)
        return bpf_redirect(order->ifindex, 0);
    return bpf_redirect_map(&cpus, order->slot, 0);
}

/* Every other frame goes up the stack, the rest to a device. */
SEC("xdp") int pass_by_turns(struct xdp_md *ctx)
{
    struct order *order = order_of(ctx);

    return !order || turn++ % 2 == 0 ? XDP_PASS : bpf_redirect(order->ifindex, 0);
}

SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }

int serial;

static __always_inline void mark(struct xdp_md *ctx, struct order *order)
{
    order->ingress_ifindex = ctx->ingress_ifindex;
    order->rx_queue_index = ctx->rx_queue_index;
    order->ran_on = bpf_get_smp_processor_id();
    order->serial = ++serial;
}

SEC("xdp/cpumap") int obeys(struct xdp_md *ctx)
{
    struct order *order = order_of(ctx);

    if (!order)
        return XDP_PASS;
    mark(ctx, order);
    switch (order->kind) {
    case 1:
        return bpf_redirect_map(&ports, order->slot, 0);
    case 2:
        return bpf_redirect(order->ifindex, 0);
    case 3:
        return bpf_redirect_map(&sockets, order->slot, 0);
    case 4:
        return bpf_redirect_map(&more_cpus, order->slot, 0);
    }
    return order->verdict;
}

/* Passes the first frame that it sees, drops the second, and so on. */
SEC("xdp/cpumap") int every_other(struct xdp_md *ctx)
{
    struct order *order = order_of(ctx);

    if (order)
        mark(ctx, order);
    return serial % 2 ? XDP_PASS : XDP_DROP;
}
"""
)


class Marks(NamedTuple):
    """What the program on the other CPU left in a frame."""

    ingress_ifindex: int
    rx_queue_index: int
    ran_on: int
    serial: int


def frame(
    cpu: int,
    kind: int = BY_VERDICT,
    verdict: int = XDP_PASS,
    slot: int = 0,
    ifindex: int = 0,
    length: int = 60,
) -> bytes:
    """A frame for *cpu* that says what the program there does."""
    order = ORDER.pack(cpu, kind, verdict, slot, ifindex)
    return (HEADER + order + bytes(MARKS.size)).ljust(length, b"\0")


def marks(frame: bytes) -> Marks:
    """What is written in *frame*."""
    return Marks(*MARKS.unpack_from(frame, len(HEADER) + ORDER.size))


class Farm:
    """Frames arrive at ``eth0``, by ``mode``, for CPUs that each have an entry of *queue* frames.

    ``here`` is the CPU on which they arrive, so that its thread runs only when all that arrives
    together has been queued; ``there`` is another one, if there is any.
    """

    def __init__(self, lab: Lab, compile_bpf: Callable[..., Path], mode: str = "native") -> None:
        loaded = lab.load(compile_bpf(SOURCE, "cpumap_programs"))
        self.lab, self.maps, self.programs = lab, loaded.maps, loaded.programs
        self.cpus = self.maps["cpus"]
        self.eth0, self.eth1 = lab.tap("eth0"), lab.tap("eth1")
        self.maps["ports"].update(0, self.eth1)
        self.here, self.there = 0, 1
        if lab.engine == "kernel":
            (self.here,) = os.sched_getaffinity(0)
            self.there = next(cpu for cpu in (*_online(), self.here) if cpu != self.here)
        self.eth0.attach(self.programs["to_cpu"], mode)

    def put(self, cpu: int, queue: int = 64, program: str = "") -> None:
        """An entry for *cpu*, with the program of that name."""
        self.cpus.update(cpu, (queue, self.programs[program]) if program else queue)

    def burst(
        self, frame: bytes, count: int, program: str = "to_cpu", ingress: Device | None = None
    ) -> EventLog:
        """*count* frames arrive in one round."""
        run: Program = self.programs[program]
        return run.test_run(frame, ingress or self.eth0, repeat=count, live=True).events


def enqueued(events: Sequence[Event]) -> list[CpumapEnqueue]:
    """What ``xdp_cpumap_enqueue`` told."""
    return [event for event in events if isinstance(event, CpumapEnqueue)]


def rounds(events: Sequence[Event]) -> list[CpumapKthread]:
    """What ``xdp_cpumap_kthread`` told."""
    return [event for event in events if isinstance(event, CpumapKthread)]


def verdicts(events: Sequence[Event]) -> tuple[int, int, int]:
    """Frames passed, dropped and redirected by the program, over all rounds."""
    told = rounds(events)
    return (
        sum(event.xdp_pass for event in told),
        sum(event.xdp_drop for event in told),
        sum(event.xdp_redirect for event in told),
    )


def _online() -> list[int]:
    cpus: list[int] = []
    for part in Path("/sys/devices/system/cpu/online").read_text(encoding="ascii").split(","):
        first, _, last = part.strip().partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus
