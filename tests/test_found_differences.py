# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ``xdpspec fuzz`` has found, each in a few lines; every sentence holds on both engines."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Device, Lab
from spec.trace import ExceptionRaised
from spec.uapi import BPF_F_BROADCAST, XDP_PASS, XDP_TX
from tests.bpf_pieces import INCLUDES, program
from tests.redirect_programs import asks, frame, slot
from tests.switch import Switch, bulks, far_end, redirected

TAP_QUEUE_SIZE = 1000
RING_SIZE, GIVEN_BACK_TOGETHER = 256, 16


@pytest.fixture
def near(lab: Lab, switch: Switch) -> Device:
    """A veth in slot 0."""
    made = lab.veth("near", "far")
    switch.put(0, made)
    return made


def test_a_large_key_is_told_as_a_negative_number(switch: Switch) -> None:
    [event] = redirected(switch.eth0.receive(frame(slot(0xFFFFFFFF, BPF_F_BROADCAST))))
    assert event.map_index == -1


def test_a_frame_that_a_veth_sends_to_itself_is_for_its_next_poll(
    switch: Switch, near: Device
) -> None:
    far = far_end(near)
    far.attach(switch.programs["follows"])
    far.receive(frame(slot(0), asks(verdict=XDP_PASS)))
    assert len(far.received) == 1


@pytest.mark.parametrize(("before", "room"), [(3, 253), (15, 241), (GIVEN_BACK_TOGETHER, 256)])
def test_the_ring_of_a_veth_gives_places_back_by_sixteens(
    switch: Switch, near: Device, before: int, room: int
) -> None:
    far_end(near).attach(switch.programs["pass"])
    switch.eth0.receive(*[frame(slot(0))] * before)
    events = switch.burst(frame(slot(0)), RING_SIZE, batch_size=RING_SIZE)
    assert sum(bulk.sent for bulk in bulks(events)) == room


@pytest.mark.parametrize(("before", "room"), [(1, 999), (15, 985), (16, 1000), (990, 986)])
def test_the_queue_of_a_tap_gives_places_back_by_sixteens(
    switch: Switch, before: int, room: int
) -> None:
    switch.burst(frame(slot(0)), before)
    events = switch.burst(frame(slot(0)), TAP_QUEUE_SIZE + 1)
    assert sum(bulk.sent for bulk in bulks(events)) == room


def test_of_short_packets_the_last_in_a_page_can_grow_furthest(
    lab: Lab, compile_bpf: Callable[..., Path]
) -> None:
    grows = program("return bpf_xdp_adjust_tail(ctx, 500) ? XDP_DROP : XDP_PASS;", name="grows")
    far = far_end(lab.veth("near", "far"))
    far.attach(lab.load(compile_bpf(INCLUDES + grows, "grows")).programs["grows"])
    far.receive(*[bytes(100)] * 10)
    assert [len(one) for one in far.received] == [600, 600]


def test_a_packet_that_was_with_a_cpu_is_spared_generic_programs_further_on(
    lab: Lab, switch: Switch
) -> None:
    onward = lab.veth("onward", "end")
    switch.put(0, onward)
    far_end(onward).attach(switch.programs["drops"], "generic")
    switch.eth0.detach()
    switch.eth0.attach(switch.programs["to_cpu_0"], "generic")
    switch.maps["cpu_map"].update(0, (64, switch.programs["cpu_follows"]))
    switch.eth0.receive(frame(slot(0)))
    assert far_end(onward).received == [frame(slot(0))]


ROOM = (
    INCLUDES
    + """
struct { int tail, head; } room;

SEC("xdp") int measures(struct xdp_md *ctx)
{
    room.tail = room.head = 0;
    for (int size = 16384; size; size >>= 1)
        room.tail += bpf_xdp_adjust_tail(ctx, size) ? 0 : size;
    for (int size = 1024; size; size >>= 1)
        room.head += bpf_xdp_adjust_head(ctx, -size) ? 0 : size;
    return XDP_DROP;
}
"""
)


@pytest.mark.parametrize(
    ("kind", "length", "tail", "head"),
    [
        ("tap", 60, 388, 216),
        ("tap", 449, 1023, 216),
        ("tap", 3520, 4096, 216),
        ("tap", 3776, 12032, 216),
        ("tap", 5000, 2616, 216),
        ("veth", 60, 386, 218),
        ("veth", 256, 1214, 218),
        ("veth", 1514, 2004, 218),
    ],
)
def test_how_far_a_packet_can_grow_depends_on_what_was_allocated_for_it(
    lab: Lab, compile_bpf: Callable[..., Path], kind: str, length: int, tail: int, head: int
) -> None:
    loaded = lab.load(compile_bpf(ROOM, "room"))
    device = lab.tap("near") if kind == "tap" else lab.veth("near", "far")
    device.attach(loaded.programs["measures"], "generic")
    device.receive(bytes(length))
    assert struct.unpack("=2i", loaded.maps[".bss"].lookup(0)) == (tail, head)


def test_a_tap_that_is_down_sends_nothing_back(switch: Switch) -> None:
    switch.eth0.down()
    [event] = switch.eth0.receive(frame(asks(verdict=XDP_TX), length=3520))
    assert isinstance(event, ExceptionRaised)
    assert switch.eth0.sent == []
