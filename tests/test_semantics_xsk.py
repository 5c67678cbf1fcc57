# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What becomes of frames redirected to a socket; every sentence holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.errors import InputError
from spec.lab import Device, Lab, Map, Socket
from spec.trace import Event, EventLog, Redirect
from spec.uapi import BPF_F_TEST_XDP_LIVE_FRAMES, XDP_PASS
from tests.redirect_programs import frame, socket
from tests.refusal import refusal
from tests.switch import Switch, errors, far_end
from tests.wide import Wide

SLOT = 2
FRAME = frame(socket(SLOT))
ROOM = 2048 - 256
"""What a frame may be long for a buffer of 2048 bytes: the kernel keeps headroom free."""


@pytest.fixture(params=["native", "generic"])
def switch(lab: Lab, compile_bpf: Callable[..., Path], request: pytest.FixtureRequest) -> Switch:
    """Frames arrive at ``eth0``, in either mode."""
    return Switch(lab, compile_bpf, request.param)


@pytest.fixture
def native(lab: Lab, compile_bpf: Callable[..., Path]) -> Switch:
    return Switch(lab, compile_bpf)


def put(switch: Switch, device: Device | None = None, slot: int = SLOT, **sizes: int) -> Socket:
    """A socket in *slot*, bound to *device* if one is given."""
    made = switch.lab.socket(**sizes)
    if device is not None:
        made.bind(device)
    switch.maps["xsks"].update(slot, made)
    return made


def later(switch: Switch, count: int, asked: bytes = FRAME) -> list[str]:
    """The errnos of *count* more frames in the same step: nobody looks into the ring before."""
    flags = BPF_F_TEST_XDP_LIVE_FRAMES
    follows = switch.programs["follows"]
    follows.test_run(asked, switch.eth0, repeat=count, flags=flags, data_out=False)
    return errors(switch.lab.events())


@pytest.mark.semantics("X-10")
def test_a_socket_that_is_not_bound_loses_frames_with_enxio(switch: Switch) -> None:
    made = put(switch)
    assert errors(switch.eth0.receive(FRAME)) == ["ENXIO"]
    made.bind(switch.eth0)
    assert errors(switch.eth0.receive(FRAME)) == [""]
    assert made.received == [FRAME]


@pytest.mark.semantics("X-10", "X-18")
@pytest.mark.parametrize("end", ["removed", "moved"])
def test_a_socket_whose_device_went_away_stays_where_it_is_but_is_not_bound_again(
    switch: Switch, lab: Lab, end: str
) -> None:
    made = put(switch, switch.eth1)
    if end == "removed":
        switch.eth1.remove()
    else:
        switch.eth1.move(lab.namespace())
    assert errors(switch.eth0.receive(FRAME)) == ["ENXIO"]
    assert refusal(made.bind, switch.eth0) == "EBUSY"


@pytest.mark.semantics("X-11")
def test_a_socket_takes_only_frames_of_its_own_device(switch: Switch) -> None:
    made = put(switch, switch.eth1)
    assert errors(switch.eth0.receive(FRAME)) == ["EINVAL"]
    assert made.received == []
    assert made.statistics["rx_dropped"] == 0


@pytest.mark.semantics("X-11")
@pytest.mark.parametrize("queue", [0, 1])
def test_a_socket_takes_only_frames_of_its_own_queue(native: Switch, lab: Lab, queue: int) -> None:
    far = far_end(lab.veth("near", "far", queues=2))
    far.attach(native.programs["follows"])
    made = lab.socket()
    made.bind(far, queue)
    native.maps["xsks"].update(SLOT, made)
    # Which of its queues a veth uses goes by the CPU; test runs are always in queue 0.
    assert errors(native.burst(FRAME, 1, ingress=far)) == ["" if queue == 0 else "EINVAL"]
    assert refusal(lab.socket().bind, far, queue) == "EBUSY"
    lab.socket().bind(far, 1 - queue)
    assert refusal(lab.socket().bind, far, 2) == "EINVAL"


@pytest.mark.semantics("X-12")
def test_a_frame_that_is_too_long_for_a_buffer_is_enospc(switch: Switch) -> None:
    made = put(switch, switch.eth0, frame_size=2048)
    switch.eth0.mtu = 3000
    fitting, longer = (frame(socket(SLOT), length=ROOM + more) for more in (0, 1))
    assert errors(switch.eth0.receive(fitting)) == [""]
    assert made.received == [fitting]
    assert errors(switch.eth0.receive(longer)) == ["ENOSPC"]
    assert made.received == []
    assert dict(made.statistics) == {
        "rx_dropped": 1,
        "rx_ring_full": 0,
        "rx_fill_ring_empty_descs": 0,
    }


@pytest.mark.semantics("X-13")
def test_a_frame_that_finds_no_buffer_is_enomem(switch: Switch) -> None:
    made = put(switch, switch.eth0, ring=4, fill=2)
    assert errors(switch.eth0.receive(FRAME, FRAME, FRAME)) == ["", "", "ENOMEM"]
    assert made.received == [FRAME, FRAME]
    assert dict(made.statistics) == {
        "rx_dropped": 1,
        "rx_ring_full": 0,
        "rx_fill_ring_empty_descs": 1,
    }
    made.fill(1)
    assert errors(switch.eth0.receive(FRAME)) == [""]


@pytest.mark.semantics("X-14")
def test_a_frame_that_finds_the_ring_full_is_enobufs(native: Switch) -> None:
    made = put(native, native.eth0, ring=2, fill=2)
    assert later(native, 2) == ["", ""]
    made.fill(2)
    assert later(native, 3) == ["ENOBUFS"] * 3
    assert made.received == [FRAME, FRAME]
    assert dict(made.statistics) == {
        "rx_dropped": 0,
        "rx_ring_full": 3,
        "rx_fill_ring_empty_descs": 0,
    }


@pytest.mark.semantics("X-14")
def test_the_buffer_of_a_frame_that_found_the_ring_full_serves_the_next(native: Switch) -> None:
    made = put(native, native.eth0, ring=2, fill=2)
    later(native, 2)
    made.fill(2)
    assert later(native, 1) == ["ENOBUFS"]
    assert len(made.received) == 2
    assert later(native, 3) == ["", "", "ENOMEM"]


@pytest.mark.semantics("X-14")
def test_what_the_kernel_took_from_the_fill_ring_it_gives_back_with_the_flush(
    native: Switch,
) -> None:
    made = put(native, native.eth0, ring=2, fill=2)
    later(native, 2)
    made.fill(2)
    later(native, 1)
    # One buffer was taken, but no frame was, so there is nothing to flush.
    with pytest.raises(InputError, match="at most 0 now"):
        made.fill(1)
    assert len(made.received) == 2
    assert later(native, 1) == [""]
    assert len(made.received) == 3
    with pytest.raises(InputError, match="at most 1 now"):
        made.fill(2)


@pytest.mark.semantics("X-15")
@pytest.mark.parametrize("reason", ["not bound", "elsewhere", "no buffer"])
def test_no_frame_that_a_socket_refuses_falls_back_to_the_stack(
    switch: Switch, reason: str
) -> None:
    device = {"not bound": None, "elsewhere": switch.eth1, "no buffer": switch.eth0}[reason]
    put(switch, device, fill=0)
    lost = switch.eth0.receive(frame(socket(SLOT, XDP_PASS)))
    assert errors(lost) != [""]
    assert switch.eth0.received == []


@pytest.mark.semantics("X-15", "X-04")
def test_a_frame_that_finds_no_socket_in_its_slot_goes_to_the_stack(switch: Switch) -> None:
    asked = frame(socket(SLOT, XDP_PASS))
    for slot in ("never filled", "left by a socket that was closed"):
        switch.eth0.receive(asked)
        assert switch.eth0.received == [asked], slot
        put(switch, switch.eth0).close()


@pytest.mark.semantics("X-15")
def test_the_driver_counts_what_a_socket_refused(native: Switch) -> None:
    put(native)
    native.eth0.receive(FRAME)
    assert native.eth0.counters["rx_dropped"] == 1


@pytest.mark.semantics("X-16")
def test_frames_are_in_the_ring_in_the_order_of_their_arrival(switch: Switch) -> None:
    made = put(switch, switch.eth0)
    sent = [frame(socket(SLOT), length=length) for length in (60, 1514, 100)]
    switch.eth0.receive(*sent)
    assert made.received == sent


@pytest.mark.semantics("X-16")
def test_every_socket_of_a_round_is_flushed(native: Switch) -> None:
    slots = (0, 1, SLOT)
    first = put(native, native.eth0, slot=0)
    put(native, native.eth1, slot=1)
    native.maps["xsks"].update(SLOT, first)
    events = native.burst(frame(*(socket(slot) for slot in slots)), 9)
    assert errors(events) == ["", "EINVAL", ""] * 3
    assert len(first.received) == 6


@pytest.mark.semantics("X-17")
@pytest.mark.parametrize("slot", [0, 3])
def test_the_slot_need_not_be_the_queue(switch: Switch, slot: int) -> None:
    made = put(switch, switch.eth0, slot=slot)
    assert made_it(switch.eth0.receive(frame(socket(slot))), slot)
    assert made.received == [frame(socket(slot))]


def made_it(events: EventLog, slot: int) -> bool:
    """Whether one frame was accepted for *slot*."""
    event: Event
    (event,) = events
    return isinstance(event, Redirect) and (event.err, event.map_index) == (0, slot)


@pytest.mark.semantics("X-17")
def test_one_socket_may_be_in_several_slots_and_maps(switch: Switch, lab: Lab) -> None:
    made = put(switch, switch.eth0, slot=0)
    more: Map = lab.create_map("xskmap", max_entries=2)
    more.update(1, made)
    switch.maps["xsks"].update(1, made)
    for slot in (0, 1):
        switch.eth0.receive(frame(socket(slot)))
        assert made.received == [frame(socket(slot))]


@pytest.mark.semantics("X-18")
def test_a_queue_has_one_socket_until_that_is_closed(switch: Switch, lab: Lab) -> None:
    first = put(switch, switch.eth0)
    second = lab.socket()
    assert refusal(second.bind, switch.eth0) == "EBUSY"
    assert refusal(first.bind, switch.eth1) == "EBUSY"
    first.close()
    second.bind(switch.eth0)
    switch.maps["xsks"].update(SLOT, second)
    switch.eth0.receive(FRAME)
    assert second.received == [FRAME]


@pytest.mark.semantics("X-18")
def test_only_queues_of_devices_in_the_namespace_of_the_socket_can_be_had(
    switch: Switch, lab: Lab
) -> None:
    made = lab.socket()
    assert refusal(made.bind, switch.eth0, 1) == "EINVAL"
    switch.eth1.move(lab.namespace())
    assert refusal(made.bind, switch.eth1) == "ENODEV"
    made.bind(switch.eth0)


@pytest.mark.semantics("X-18")
@pytest.mark.parametrize("entries", [0, 3, 6])
def test_rings_have_a_power_of_two_of_entries(lab: Lab, entries: int) -> None:
    assert refusal(lab.socket, entries, 0) == "EINVAL"


@pytest.mark.semantics("X-18")
@pytest.mark.parametrize("frame_size", [1024, 2047, 3072, 8192])
def test_buffers_have_2048_or_4096_bytes(lab: Lab, frame_size: int) -> None:
    assert refusal(lab.socket, 8, 0, frame_size) == "EINVAL"


@pytest.mark.semantics("X-19")
@pytest.mark.parametrize("length", [3600, 3841])
def test_a_frame_in_fragments_arrives_in_one_piece_if_it_fits_one_buffer(
    lab: Lab, wide: Wide, length: int
) -> None:
    made = lab.socket()
    made.bind(wide.far)
    wide.maps["xsks"].update(SLOT, made)
    asked = frame(socket(SLOT), length=length)
    fits = length <= 4096 - 256
    assert errors(wide.far.receive(asked)) == ["" if fits else "ENOSPC"]
    assert made.received == ([asked] if fits else [])
