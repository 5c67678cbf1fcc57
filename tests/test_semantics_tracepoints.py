# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the tracepoints tell, field by field."""

from __future__ import annotations

import pytest

from spec.lab import Lab
from spec.trace import DevmapXmit, ExceptionRaised, Redirect, RedirectErr
from spec.uapi import NO_MAP_ID, XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX
from tests.redirect_programs import asks, cpu, frame, key, redirect, slot, socket
from tests.switch import Switch

HIGH = 1 << 32


@pytest.mark.semantics("T-01", "T-04")
@pytest.mark.parametrize("mode", ["native", "generic"])
def test_a_redirect_by_slot_tells_slot_and_device(switch: Switch, mode: str) -> None:
    switch.attach(mode)
    accepted, *sent = switch.eth0.receive(frame(slot(HIGH | 1)))
    rx, tx, program = switch.eth0.ifindex, switch.eth2.ifindex, switch.programs["follows"].id
    assert accepted == Redirect((program, XDP_REDIRECT, rx, 0, tx, switch.ports.id, 1))
    assert sent == ([DevmapXmit((rx, XDP_REDIRECT, tx, 0, 1, 0))] if mode == "native" else [])


@pytest.mark.semantics("T-01")
@pytest.mark.parametrize("mode", ["native", "generic"])
def test_a_redirect_by_key_tells_key_and_device(switch: Switch, mode: str) -> None:
    switch.attach(mode)
    table, large = switch.maps["forward_map"], 0xFFFFFFFF
    table.update(large, switch.eth3)
    accepted, *_ = switch.eth0.receive(frame(key(large)))
    assert isinstance(accepted, Redirect)
    assert accepted.to_ifindex == switch.eth3.ifindex
    assert (accepted.map_id, accepted.map_index & 0xFFFFFFFF) == (table.id, large)


@pytest.mark.semantics("T-01")
@pytest.mark.parametrize("mode", ["native", "generic"])
def test_a_redirect_without_a_map_tells_the_device_and_the_largest_map_id(
    switch: Switch, mode: str
) -> None:
    switch.attach(mode)
    accepted, *_ = switch.eth0.receive(frame(redirect(switch.eth1.ifindex)))
    rx, tx, program = switch.eth0.ifindex, switch.eth1.ifindex, switch.programs["follows"].id
    assert accepted == Redirect((program, XDP_REDIRECT, rx, 0, tx, NO_MAP_ID, 0))


@pytest.mark.semantics("T-01")
@pytest.mark.parametrize("mode", ["native", "generic"])
def test_a_redirect_to_a_cpu_tells_no_device(switch: Switch, mode: str) -> None:
    switch.attach(mode)
    switch.maps["cpu_map"].update(1, 192)
    events = switch.eth0.receive(frame(cpu(1)))
    (accepted,) = (event for event in events if isinstance(event, Redirect))
    rx, program = switch.eth0.ifindex, switch.programs["follows"].id
    assert accepted == Redirect((program, XDP_REDIRECT, rx, 0, 0, switch.maps["cpu_map"].id, 1))


@pytest.mark.semantics("T-01", "G-07")
@pytest.mark.parametrize("mode", ["native", "generic"])
def test_a_redirect_to_a_socket_tells_no_device(lab: Lab, switch: Switch, mode: str) -> None:
    switch.attach(mode)
    xsks, receiver = switch.maps["xsks"], lab.socket()
    receiver.bind(switch.eth0)
    xsks.update(2, receiver)
    (accepted,) = switch.eth0.receive(frame(socket(2)))
    rx, program = switch.eth0.ifindex, switch.programs["follows"].id
    assert accepted == Redirect((program, XDP_REDIRECT, rx, 0, 0, xsks.id, 2))
    assert receiver.received == [frame(socket(2))]


@pytest.mark.semantics("T-01")
def test_a_refusal_is_another_event_with_the_same_fields(lab: Lab, switch: Switch) -> None:
    switch.ports.update(0, lab.lo)
    (refused,) = switch.eth0.receive(frame(slot(0)))
    rx, tx, program = switch.eth0.ifindex, lab.lo.ifindex, switch.programs["follows"].id
    assert refused == RedirectErr((program, XDP_REDIRECT, rx, -95, tx, switch.ports.id, 0))
    fields = lab.tracepoints()
    assert fields["xdp_redirect"] == fields["xdp_redirect_err"]


@pytest.mark.semantics("T-01")
def test_events_of_a_redirect_have_these_fields(lab: Lab) -> None:
    assert lab.tracepoints()["xdp_redirect"] == (
        "prog_id",
        "act",
        "ifindex",
        "err",
        "to_ifindex",
        "map_id",
        "map_index",
    )


@pytest.mark.semantics("T-02")
def test_there_are_no_events_of_their_own_for_redirects_by_a_map(lab: Lab) -> None:
    assert not {"xdp_redirect_map", "xdp_redirect_map_err"} & set(lab.tracepoints())


@pytest.mark.semantics("T-04")
def test_events_of_a_bulk_queue_name_no_map(lab: Lab) -> None:
    fields = "from_ifindex", "act", "to_ifindex", "drops", "sent", "err"
    assert sorted(lab.tracepoints()["xdp_devmap_xmit"]) == sorted(fields)


@pytest.mark.semantics("T-05")
@pytest.mark.parametrize("mode", ["native", "generic"])
@pytest.mark.parametrize("verdict", [XDP_ABORTED, 77])
def test_a_verdict_that_is_none_is_an_exception_at_the_receiving_device(
    switch: Switch, mode: str, verdict: int
) -> None:
    switch.attach(mode)
    program = switch.programs["follows"].id
    assert switch.eth0.receive(frame(asks(verdict=verdict))) == [
        ExceptionRaised((program, verdict, switch.eth0.ifindex))
    ]


@pytest.mark.semantics("T-05")
@pytest.mark.parametrize("mode", ["native", "generic"])
@pytest.mark.parametrize("verdict", [XDP_DROP, XDP_PASS])
def test_frames_dropped_or_passed_leave_no_event(switch: Switch, mode: str, verdict: int) -> None:
    switch.attach(mode)
    assert list(switch.eth0.receive(frame(asks(verdict=verdict)))) == []


@pytest.mark.semantics("T-05")
@pytest.mark.parametrize("mode", ["native", "generic"])
def test_an_exception_in_the_program_of_an_entry_names_the_egress_device(
    switch: Switch, mode: str
) -> None:
    switch.attach(mode)
    switch.put(0, switch.eth1, "entry_tx")
    events = switch.eth0.receive(frame(slot(0)))
    (raised,) = (event for event in events if isinstance(event, ExceptionRaised))
    program = switch.programs["entry_tx"].id
    assert raised == ExceptionRaised((program, XDP_TX, switch.eth1.ifindex))


@pytest.mark.semantics("T-06", "E-10")
def test_plain_test_runs_leave_no_event(lab: Lab, switch: Switch) -> None:
    for turn in (slot(0), slot(30, 8), redirect(99), asks(verdict=XDP_ABORTED), asks(verdict=77)):
        assert list(switch.programs["follows"].test_run(frame(turn), switch.eth0).events) == []
    assert list(lab.events()) == []
