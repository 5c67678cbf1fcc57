# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Generic XDP: no bulk queue, no question whether the driver knows XDP, one frame at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Lab
from spec.trace import CpumapEnqueue
from spec.uapi import BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS, XDP_PASS, XDP_REDIRECT
from tests.redirect_programs import MARK, asks, cpu, frame, key, marks, redirect, slot
from tests.switch import Switch, bulks, errors, far_end, redirected, told
from tests.wide import Wide

ALL, ALL_OTHERS = BPF_F_BROADCAST, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS
EMPTY = 30


def arrive(switch: Switch, asked: bytes, count: int) -> list[str]:
    """Let *count* frames arrive for the stack of ``eth0`` at once; the errors of redirection."""
    run = switch.programs["pass"].test_run(asked, switch.eth0, count, live=True, batch_size=256)
    return errors(run.events)


@pytest.mark.semantics("G-01")
def test_frames_are_sent_at_once(generic: Switch) -> None:
    for asked in (slot(0), redirect(generic.eth1.ifindex), key(5)):
        generic.maps["forward_map"].update(5, generic.eth1)
        events = generic.eth0.receive(frame(asked))
        assert (errors(events), bulks(events)) == ([""], [])
        assert generic.eth1.sent == [frame(asked)]


@pytest.mark.semantics("G-01")
@pytest.mark.parametrize("kind", ["bridge", "macvlan", "veth"])
def test_every_device_can_be_sent_to(lab: Lab, generic: Switch, kind: str) -> None:
    target = way_out = lab.veth("target", "sink")
    if kind == "bridge":
        target, way_out = lab.bridge("upper", generic.eth3), generic.eth3
    elif kind == "macvlan":
        target, way_out = lab.macvlan("upper", generic.eth3), generic.eth3
    assert "ndo-xmit" not in target.xdp_features
    generic.ports.update(0, target)
    for asked in (slot(0), redirect(target.ifindex)):
        assert errors(generic.eth0.receive(frame(asked))) == [""]
        assert way_out.sent == [frame(asked)]


@pytest.mark.semantics("G-01")
def test_a_bridge_sends_to_all_its_ports(lab: Lab, generic: Switch) -> None:
    generic.ports.update(0, lab.bridge("upper", generic.eth2, generic.eth3))
    generic.eth0.receive(frame(slot(0)))
    assert generic.eth2.sent == generic.eth3.sent == [frame(slot(0))]


@pytest.mark.semantics("G-01")
def test_frames_bypass_whoever_watches_what_is_sent(lab: Lab, generic: Switch) -> None:
    generic.ports.update(0, lab.lo)
    generic.eth0.receive(frame(slot(0)))
    assert (lab.lo.sent, lab.lo.received) == ([], [frame(slot(0))])


@pytest.mark.semantics("G-01")
@pytest.mark.parametrize("by_map", [True, False])
def test_a_device_must_be_up_and_the_frame_short_enough(generic: Switch, by_map: bool) -> None:
    asked = slot(0) if by_map else redirect(generic.eth1.ifindex)
    frames = [frame(asked, length=length) for length in (1518, 1519)]
    assert errors(generic.eth0.receive(*frames)) == ["", "EMSGSIZE"]
    generic.eth1.down()
    assert errors(generic.eth0.receive(*frames)) == ["ENETDOWN", "ENETDOWN"]


@pytest.mark.semantics("G-02")
def test_what_the_driver_drops_still_counts_as_redirected(generic: Switch) -> None:
    # A tap holds 1000 frames for its reader.
    assert arrive(generic, frame(slot(0)), 1001) == [""] * 1001
    assert len(generic.eth1.sent) == 1000
    assert generic.eth1.counters["tx_dropped"] == 1


@pytest.mark.semantics("G-03")
@pytest.mark.parametrize(
    ("program", "told_first"),
    [
        ("entry_drop", []),
        ("entry_aborted", ["xdp_exception eth1 program entry_aborted XDP_ABORTED"]),
        ("entry_tx", ["xdp_exception eth1 program entry_tx XDP_TX"]),
        ("entry_unknown", ["xdp_exception eth1 program entry_unknown 77"]),
    ],
)
def test_the_program_of_an_entry_runs_at_once_and_success_is_told_whatever_it_says(
    generic: Switch, program: str, told_first: list[str]
) -> None:
    generic.put(0, generic.eth1, program)
    events = generic.eth0.receive(frame(slot(0)))
    assert told(events) == [*told_first, "xdp_redirect eth0 -> eth1 map tx_port[0]"]
    assert generic.sent() == [0, 0, 0, 0]


@pytest.mark.semantics("G-03", "M-03")
def test_the_program_of_an_entry_sees_both_devices(generic: Switch) -> None:
    generic.put(0, generic.eth1, "entry_marks")
    generic.eth0.receive(frame(slot(0)))
    seen = marks(generic.eth1.sent[0])
    assert (seen.ingress_ifindex, seen.egress_ifindex, seen.rx_queue_index, seen.runs) == (
        generic.eth0.ifindex,
        generic.eth1.ifindex,
        0,
        1,
    )


@pytest.mark.semantics("G-03", "R-35")
def test_what_the_program_of_an_entry_asks_for_shows_in_the_event(generic: Switch) -> None:
    generic.put(0, generic.eth1, "entry_redirect")
    *_, event = redirected(generic.eth0.receive(frame(slot(0))))
    assert event.map_index == 1, "the ifindex that the entry's program asked for, not the slot"


@pytest.mark.semantics("G-04", "B-08")
def test_an_error_of_a_broadcast_shows_what_the_key_would_have_found(generic: Switch) -> None:
    generic.eth2.down()
    assert told(generic.eth0.receive(frame(slot(0, ALL)))) == [
        "xdp_redirect_err eth0 -> eth1 map tx_port[0] err ENETDOWN"
    ]


@pytest.mark.semantics("G-04")
@pytest.mark.parametrize(
    ("which", "sent"), [(0, [0, 0, 0, 0]), (1, [0, 1, 0, 0]), (2, [0, 1, 1, 0])]
)
@pytest.mark.parametrize("trouble", ["ENETDOWN", "EMSGSIZE"])
def test_a_broadcast_ends_at_the_first_device_that_cannot_take_the_frame(
    generic: Switch, which: int, sent: list[int], trouble: str
) -> None:
    device = generic.devices[which + 1]
    if trouble == "ENETDOWN":
        device.down()
    else:
        device.mtu = 100
    assert errors(generic.eth0.receive(frame(slot(EMPTY, ALL), length=200))) == [trouble]
    assert generic.sent() == sent


@pytest.mark.semantics("G-04")
def test_a_broadcast_passes_over_empty_slots_and_excluded_devices_only(
    lab: Lab, generic: Switch
) -> None:
    generic.ports.update(7, generic.eth0)
    generic.ports.update(9, lab.lo)
    assert errors(generic.eth0.receive(frame(slot(EMPTY, ALL_OTHERS)))) == [""]
    assert (generic.sent(), len(lab.lo.received)) == ([0, 1, 1, 1], 1)


@pytest.mark.semantics("G-04")
def test_a_broadcast_that_finds_nobody_succeeds(generic: Switch) -> None:
    for number in range(3):
        generic.ports.delete(number)
    assert told(generic.eth0.receive(frame(slot(EMPTY, ALL)))) == [
        "xdp_redirect eth0 -> 0 map tx_port[30]"
    ]


@pytest.mark.semantics("G-05", "M-06")
def test_copies_of_a_broadcast_do_not_share_what_a_program_writes(generic: Switch) -> None:
    for number, device in enumerate(generic.devices[1:]):
        generic.put(number, device, "entry_marks")
    generic.eth0.receive(frame(slot(EMPTY, ALL)))
    seen = [marks(device.sent[0]) for device in generic.devices[1:]]
    assert [mark.runs for mark in seen] == [1, 1, 1]
    assert [mark.egress_ifindex for mark in seen] == [
        device.ifindex for device in generic.devices[1:]
    ]


@pytest.mark.semantics("G-06", "G-10")
def test_fragments_can_be_sent_but_not_copied(lab: Lab, compile_bpf: Callable[..., Path]) -> None:
    wide, long = Wide(lab, compile_bpf, "generic"), frame(slot(EMPTY, ALL), length=8000)
    wide.ports.update(0, wide.tap)
    assert errors(wide.far.receive(long)) == [""]
    assert wide.tap.sent == [long]
    wide.ports.update(1, wide.target)
    assert errors(wide.far.receive(long)) == ["EOPNOTSUPP"]
    assert (wide.tap.sent, wide.sink.received) == ([], [])


@pytest.mark.semantics("G-07")
def test_a_frame_for_a_cpu_goes_into_its_queue_by_itself(generic: Switch) -> None:
    generic.maps["cpu_map"].update(1, 192)
    events = generic.eth0.receive(frame(cpu(1)), frame(cpu(1)))
    queued = [event for event in events if isinstance(event, CpumapEnqueue)]
    assert [(event.processed, event.drops, event.to_cpu) for event in queued] == [(1, 0, 1)] * 2
    assert errors(events) == ["", ""]
    assert generic.eth0.received == [frame(cpu(1))] * 2


@pytest.mark.semantics("G-07")
def test_a_full_queue_of_a_cpu_is_enospc(generic: Switch) -> None:
    # The thread of this CPU has to wait until every frame has been through.
    generic.maps["cpu_map"].update(0, 2)
    run = generic.programs["pass"].test_run(frame(cpu(0)), generic.eth0, repeat=4, live=True)
    queued = [event for event in run.events if isinstance(event, CpumapEnqueue)]
    assert errors(run.events) == ["", "", "ENOSPC", "ENOSPC"]
    assert [(event.processed, event.drops) for event in queued] == [(1, 0)] * 2 + [(0, 1)] * 2
    assert len(generic.eth0.received) == 2


@pytest.mark.semantics("G-07", "R-32")
def test_redirecting_without_a_call_is_ebadrqc_here_too(generic: Switch) -> None:
    events = generic.eth0.receive(frame(asks(verdict=XDP_REDIRECT)))
    assert told(events) == ["xdp_redirect_err eth0 -> 0 no target err EBADRQC"]


@pytest.mark.semantics("G-08")
def test_a_frame_that_is_refused_is_lost_after_it_was_counted(generic: Switch, lab: Lab) -> None:
    far = far_end(lab.veth("near", "far"))
    far.attach(generic.programs["follows"], "generic")
    generic.eth1.down()
    for device in (far, generic.eth0):
        assert errors(device.receive(frame(slot(0)))) == ["ENETDOWN"]
        assert (device.counters["rx_packets"], device.counters["rx_dropped"]) == (1, 0)
        assert device.received == []
    assert generic.eth1.counters["tx_dropped"] == 0


@pytest.mark.semantics("G-09")
def test_a_frame_that_was_with_another_cpu_passes_the_program_by(generic: Switch) -> None:
    generic.maps["cpu_map"].update(1, 192)
    events = generic.eth0.receive(frame(asks(MARK, cpu(1))))
    assert len(errors(events)) == 1
    assert [marks(received).runs for received in generic.eth0.received] == [1]


@pytest.mark.semantics("G-10")
def test_a_program_gets_packets_of_its_own(lab: Lab, generic: Switch) -> None:
    near1, near2 = lab.veth("near1", "far1"), lab.veth("near2", "far2")
    lab.bridge("flood", generic.eth0, near1, near2)
    for near in (near1, near2):
        far_end(near).attach(generic.programs["marks_itself"], "generic")
    generic.eth0.receive(frame(asks(MARK, verdict=XDP_PASS)))
    received = [device.received for device in (generic.eth0, far_end(near1), far_end(near2))]
    assert [[marks(packet).runs for packet in packets] for packets in received] == [[1], [2], [2]]


@pytest.mark.semantics("G-10")
def test_a_program_that_knows_no_fragments_gets_long_packets_in_one_piece(
    lab: Lab, generic: Switch
) -> None:
    far, long = far_end(lab.veth("near", "far")), frame(asks(MARK, verdict=XDP_PASS), length=8000)
    far.mtu = 9000
    far_end(far).mtu = 9000
    far.attach(generic.programs["follows"], "generic")
    far.receive(long)
    assert [marks(packet).linear for packet in far.received] == [8000]


@pytest.mark.semantics("G-10")
def test_a_program_that_knows_fragments_gets_them(
    lab: Lab, compile_bpf: Callable[..., Path]
) -> None:
    wide, long = Wide(lab, compile_bpf, "generic"), asks(MARK, verdict=XDP_PASS)
    wide.far.receive(frame(long, length=8000))
    (received,) = wide.far.received
    assert len(received) == 8000
    assert marks(received).linear < 8000
