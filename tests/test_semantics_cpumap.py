# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What becomes of frames redirected to another CPU; every sentence holds on both engines.

How the frames of a round are spread over the rounds of a thread on another CPU is a matter of
timing, as is whether that thread slept (``sched``): neither is compared. On the CPU where frames
arrive, its thread finds all of them, since it runs only after they have been queued.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Lab
from spec.trace import CpumapEnqueue, CpumapKthread, DevmapXmit, Redirect
from tests.cpumap_programs import (
    Farm,
    enqueued,
    frame,
    rounds,
)
from tests.switch import errors, far_end

UNKNOWN_VERDICT = 77


# From the CPU that redirects into the ring.


@pytest.mark.semantics("K-01")
@pytest.mark.parametrize("count", [1, 8, 9, 16, 17, 64])
def test_frames_move_in_bulks_of_eight(farm: Farm, count: int) -> None:
    farm.put(farm.here)
    moved = [event.processed for event in enqueued(farm.burst(frame(farm.here), count))]
    assert moved == [8] * ((count - 1) // 8) + [(count - 1) % 8 + 1]


@pytest.mark.semantics("K-01")
def test_the_ninth_frame_moves_the_first_eight(farm: Farm) -> None:
    farm.put(farm.here)
    kinds = [type(event) for event in farm.burst(frame(farm.here), 10)]
    assert kinds[:11] == [Redirect] * 8 + [CpumapEnqueue] + [Redirect] * 2
    assert kinds[11:] == [CpumapEnqueue, CpumapKthread, CpumapKthread]


@pytest.mark.semantics("K-01")
def test_a_redirect_to_a_cpu_succeeds_even_if_there_is_no_room(farm: Farm) -> None:
    farm.put(farm.here, queue=3)
    events = farm.burst(frame(farm.here), 20)
    assert errors(events) == [""] * 20
    assert [(event.processed, event.drops) for event in enqueued(events)] == [
        (8, 5),
        (8, 8),
        (4, 4),
    ]
    assert len(farm.eth0.received) == 3


@pytest.mark.semantics("K-01")
def test_the_account_of_a_bulk_names_map_and_cpus(farm: Farm) -> None:
    farm.put(farm.there)
    (event,) = enqueued(farm.eth0.receive(frame(farm.there)))
    assert event == CpumapEnqueue((farm.cpus.id, 4, farm.here, 0, 1, farm.there))


@pytest.mark.semantics("K-01")
def test_the_cpu_begun_last_is_flushed_first(farm: Farm) -> None:
    farm.put(farm.here)
    farm.put(farm.there)
    asked = frame(farm.here, slot=farm.there)
    events = farm.burst(asked, 6, "by_turns")
    assert [(event.to_cpu, event.processed) for event in enqueued(events)] == [
        (farm.there, 3),
        (farm.here, 3),
    ]


@pytest.mark.semantics("K-01")
def test_devices_are_flushed_before_cpus(farm: Farm) -> None:
    farm.put(farm.here)
    events = farm.burst(frame(farm.here, ifindex=farm.eth1.ifindex), 2, "by_turns")
    flushed = [type(event) for event in events if not isinstance(event, Redirect)]
    assert flushed == [DevmapXmit, CpumapEnqueue, CpumapKthread]


@pytest.mark.semantics("K-01")
def test_places_in_a_long_ring_are_given_back_by_sixteens(farm: Farm) -> None:
    farm.put(farm.here, queue=32)
    assert [event.drops for event in enqueued(farm.burst(frame(farm.here), 8))] == [0]
    # The thread has taken them, but their places count as taken until there are sixteen.
    drops = [event.drops for event in enqueued(farm.burst(frame(farm.here), 40))]
    assert drops == [0, 0, 0, 8, 8]


@pytest.mark.semantics("K-01")
def test_places_in_a_short_ring_are_given_back_at_once(farm: Farm) -> None:
    farm.put(farm.here, queue=31)
    farm.burst(frame(farm.here), 8)
    assert sum(event.drops for event in enqueued(farm.burst(frame(farm.here), 40))) == 9


# The thread.


@pytest.mark.semantics("K-02")
@pytest.mark.parametrize("count", [1, 8, 9, 20])
def test_a_thread_takes_eight_frames_at_a_time(farm: Farm, count: int) -> None:
    farm.put(farm.here)
    events = farm.burst(frame(farm.here), count)
    assert [event.processed for event in rounds(events)] == [8] * (count // 8) + [count % 8] * (
        count % 8 > 0
    )
    assert len(farm.eth0.received) == count


@pytest.mark.semantics("K-02")
def test_another_cpu_may_share_them_out_otherwise_but_takes_them_all(farm: Farm) -> None:
    farm.put(farm.there)
    accounts = rounds(farm.burst(frame(farm.there), 50))
    assert all(event.processed <= 8 and event.cpu == farm.there for event in accounts)
    assert sum(event.processed for event in accounts) == 50
    assert farm.eth0.received == [frame(farm.there)] * 50


@pytest.mark.semantics("K-02")
def test_the_stack_gets_frames_as_from_the_device_where_they_arrived(either: Farm) -> None:
    either.put(either.there)
    sent = [frame(either.there, length=length) for length in (60, 100, 1514)]
    either.eth0.receive(*sent)
    assert either.eth0.received == sent
    assert either.eth1.received == []


@pytest.mark.semantics("K-02")
def test_upper_devices_get_their_share_of_what_comes_back(lab: Lab, farm: Farm) -> None:
    farm.put(farm.there)
    upper = lab.macvlan("upper", farm.eth0)
    to_all = b"\xff" * 6 + frame(farm.there)[6:]
    farm.eth0.receive(to_all)
    assert upper.received == [to_all]


@pytest.mark.semantics("K-02")
def test_a_veth_gets_back_what_its_program_sent_away(lab: Lab, farm: Farm) -> None:
    far = far_end(lab.veth("near", "far"))
    far.attach(farm.programs["to_cpu"])
    farm.put(farm.there)
    sent = [frame(farm.there, length=length) for length in (60, 1514)]
    far.receive(*sent)
    assert far.received == sent


@pytest.mark.semantics("K-02", "G-09")
@pytest.mark.parametrize("where", ["here", "there"])
def test_generic_xdp_sees_frames_that_come_back_but_no_socket_buffers(
    lab: Lab, compile_bpf: Callable[..., Path], where: str
) -> None:
    farm = Farm(lab, compile_bpf, "generic")
    cpu: int = getattr(farm, where)
    farm.put(cpu)
    # Frames: the program in hand redirects natively, then the attached one once more.
    events = farm.burst(frame(cpu), 2)
    assert sum(event.processed for event in rounds(events)) == 4
    assert farm.eth0.received == [frame(cpu)] * 2
    # Socket buffers: the attached program redirects, and does not see them again.
    events = farm.eth0.receive(frame(cpu))
    assert sum(event.processed for event in rounds(events)) == 1
    assert farm.eth0.received == [frame(cpu)]


# Generic XDP.


@pytest.mark.semantics("G-07", "K-01")
def test_each_socket_buffer_goes_into_the_ring_by_itself_or_is_refused(
    lab: Lab, compile_bpf: Callable[..., Path]
) -> None:
    farm = Farm(lab, compile_bpf, "generic")
    farm.put(farm.here, queue=2)
    events = farm.burst(frame(farm.here), 12, "pass")
    assert errors(events) == ["", "", *["ENOSPC"] * 10]
    assert [(event.processed, event.drops) for event in enqueued(events)] == [
        *[(1, 0)] * 2,
        *[(0, 1)] * 10,
    ]
    assert [event.processed for event in rounds(events)] == [2]
    assert len(farm.eth0.received) == 2
