# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames that are redirected to where they came from, again and again.

The kernel knows no end to that: only a program or somebody who detaches it ends it. The model
stops some day and says where the frames went.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spec import ModelLab
from spec.errors import InputError
from spec.lab import Device, Lab
from spec.redirect.processor import LONGEST
from tests.bpf_pieces import CPUMAP, DEVMAP, INCLUDES, map_of
from tests.live import live_lab
from tests.switch import far_end

SOURCE = (
    INCLUDES
    + map_of(DEVMAP, "ports", "struct bpf_devmap_val", entries=8)
    + map_of(CPUMAP, "cpus", "struct bpf_cpumap_val")
    + map_of("BPF_MAP_TYPE_ARRAY", "turns", entries=2)
    + """
static __always_inline int turn(int slot)
{
    __u32 done = 0, most = 1;
    __u32 *count = bpf_map_lookup_elem(&turns, &done);
    __u32 *limit = bpf_map_lookup_elem(&turns, &most);

    if (!count || !limit || *count >= *limit)
        return XDP_DROP;
    ++*count;
    return bpf_redirect_map(&ports, slot, 0);
}

SEC("xdp") int to_0(struct xdp_md *ctx) { return turn(0); }
SEC("xdp") int to_1(struct xdp_md *ctx) { return turn(1); }
SEC("xdp") int to_all(struct xdp_md *ctx)
{
    return bpf_redirect_map(&ports, 0, BPF_F_BROADCAST);
}
SEC("xdp") int to_cpu(struct xdp_md *ctx) { return bpf_redirect_map(&cpus, 1, 0); }
SEC("xdp/cpumap") int cpu_to_0(struct xdp_md *ctx) { return turn(0); }
SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }
"""
)
FRAME = bytes.fromhex("020000000002 020000000001 88b5") + bytes(46)
FOR_EVER = 0xFFFFFFFF


class Loop:
    """Programs whose frames come back to them, *most* times."""

    def __init__(self, lab: Lab, compile_bpf: Callable[..., Path], most: int) -> None:
        self.lab, loaded = lab, lab.load(compile_bpf(SOURCE, "loops"))
        self.programs, self.ports, self.cpus = (
            loaded.programs,
            loaded.maps["ports"],
            loaded.maps["cpus"],
        )
        self.turns = loaded.maps["turns"]
        self.turns.update(1, most)

    @property
    def count(self) -> int:
        """How often a frame was redirected."""
        return int.from_bytes(bytes(self.turns.lookup(0)), "little")

    def through_loopback(self) -> Device:
        """What ``lo`` receives it sends."""
        self.ports.update(0, self.lab.lo)
        self.lab.lo.attach(self.programs["to_0"], "generic")
        return self.lab.lo

    def between(self, mode: str) -> Device:
        """Each end of a veth pair sends back what it receives."""
        veth0 = self.lab.veth("veth0", "veth1")
        for slot, end in enumerate((veth0, far_end(veth0))):
            self.ports.update(slot, end)
            end.attach(self.programs[f"to_{slot}"], mode)
        return veth0

    def through_a_thread(self) -> Device:
        """One end gives to another CPU, whose program redirects to the other end."""
        veth0 = self.lab.veth("veth0", "veth1")
        self.cpus.update(1, (64, self.programs["cpu_to_0"]))
        self.ports.update(0, far_end(veth0))
        veth0.attach(self.programs["to_cpu"])
        return veth0


def test_a_frame_that_lo_redirects_to_lo_goes_round(
    lab: Lab, compile_bpf: Callable[..., Path]
) -> None:
    loop = Loop(lab, compile_bpf, 200)
    lo = loop.through_loopback()
    events = lo.receive(FRAME)
    assert [event.name for event in events] == ["xdp_redirect"] * 200
    assert (lo.counters["rx_packets"], lo.counters["tx_packets"]) == (201, 201)
    assert lo.received == []


@pytest.mark.parametrize("mode", ["native", "generic"])
def test_the_ends_of_a_veth_pair_play_ping_pong(
    lab: Lab, compile_bpf: Callable[..., Path], mode: str
) -> None:
    loop = Loop(lab, compile_bpf, 200)
    veth0 = loop.between(mode)
    veth0.receive(FRAME)
    assert loop.count == 200
    ends = veth0.counters, far_end(veth0).counters
    assert [end["rx_packets"] for end in ends] == [101, 100]
    assert [end["tx_packets"] for end in ends] == [100, 101]


def test_the_backlog_of_a_cpu_has_room_for_1001_frames(
    lab: Lab, compile_bpf: Callable[..., Path]
) -> None:
    loop, eth0 = Loop(lab, compile_bpf, 0), lab.tap("eth0")
    for slot in range(5):
        loop.ports.update(slot, lab.lo)
    eth0.attach(loop.programs["to_all"], "generic")
    loop.programs["pass"].test_run(FRAME, eth0, live=True, repeat=203, batch_size=256)
    assert len(lab.lo.received) == lab.lo.counters["rx_packets"] == 1001
    assert lab.lo.counters["rx_dropped"] == 5 * 203 - 1001


@pytest.mark.kernel
def test_the_kernel_never_ends_a_loop_by_itself(compile_bpf: Callable[..., Path]) -> None:
    """Ten times what the model calls endless, and the frame still goes round."""
    most = 10 * LONGEST
    with live_lab() as lab:
        loop = Loop(lab, compile_bpf, most)
        veth0 = loop.between("native")
        veth0.arrive(FRAME)  # type: ignore[attr-defined]  # whose events nobody could count
        deadline = time.monotonic() + 20
        while loop.count < most and time.monotonic() < deadline:
            time.sleep(0.01)
        assert loop.count == most


@pytest.mark.model
@pytest.mark.parametrize(
    ("way", "told"),
    [
        (Loop.through_loopback, "lo -> lo"),
        (lambda loop: loop.between("native"), "veth1 -> veth0 -> veth1"),
        (lambda loop: loop.between("generic"), "veth1 -> veth0 -> veth1"),
        (Loop.through_a_thread, "veth0 -> CPU 1 -> veth0"),
    ],
)
def test_the_model_stops_and_names_the_loop(
    compile_bpf: Callable[..., Path], way: Callable[[Loop], Device], told: str
) -> None:
    with ModelLab() as lab:
        loop = Loop(lab, compile_bpf, FOR_EVER)
        device = way(loop)
        with pytest.raises(InputError) as caught:
            device.receive(FRAME)
        assert set(caught.value.place.split(" -> ")) == set(told.split(" -> "))
        assert len(caught.value.place) == len(told)
        assert "\n" not in str(caught.value)
        loop.turns.update(1, 0)
        assert lab.events() == [], "the frame is gone, and nobody tells of it"
        for other in lab.devices().values():
            other.detach()
        device.receive(FRAME)
        assert device.received == [FRAME], "the lab goes on"


@pytest.mark.model
def test_the_model_stops_what_multiplies(compile_bpf: Callable[..., Path]) -> None:
    with ModelLab() as lab:
        loop = Loop(lab, compile_bpf, FOR_EVER)
        for slot in range(2):
            loop.ports.update(slot, lab.lo)
        lab.lo.attach(loop.programs["to_all"], "generic")
        with pytest.raises(InputError, match="lo -> lo: "):
            lab.lo.receive(FRAME)
