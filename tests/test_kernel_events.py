# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Events of the live lab: all of them, in order, and nobody else's."""

from __future__ import annotations

import pytest

from kernel_impl.trace import Inbox, LostEventsError
from spec.errors import KernelError
from spec.trace import DevmapXmit, Redirect
from tests.live import FRAME, live_lab, need_kernel, programs

pytestmark = pytest.mark.kernel


def test_a_bulk_queue_is_seen_to_fill_and_to_be_flushed() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
        loaded.maps["ports"].update(0, eth1)
        run = loaded.programs["forward"].test_run(FRAME, ingress=eth0, live=True, repeat=20)
        kinds = [type(event) for event in run.events]
        assert kinds == [Redirect] * 16 + [DevmapXmit] + [Redirect] * 4 + [DevmapXmit]
        assert [event.sent for event in run.events if isinstance(event, DevmapXmit)] == [16, 4]
        assert eth1.sent == [FRAME] * 20


def test_live_frames_without_an_ingress_come_from_the_loopback_device() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded, live_lab() as other:
        eth1 = lab.tap("eth1")
        loaded.maps["ports"].update(0, eth1)
        run = loaded.programs["forward"].test_run(FRAME, live=True)
        assert repr(run.events) == (
            "xdp_redirect     lo -> eth1  map ports[0]\nxdp_devmap_xmit  lo -> eth1  sent 1 drops 0"
        )
        assert other.events() == []


def test_live_frames_that_pass_are_received() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth0 = lab.tap("eth0")
        loaded.programs["pass"].test_run(FRAME, ingress=eth0, live=True, repeat=1000)
        assert eth0.received == [FRAME] * 1000


def test_plain_runs_report_the_verdict_and_do_nothing() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth1 = lab.tap("eth1")
        loaded.maps["ports"].update(0, eth1)
        run = loaded.programs["forward"].test_run(FRAME)
        assert (repr(run.retval), run.data, list(run.events)) == ("XDP_REDIRECT", FRAME, [])
        assert eth1.sent == []
        assert lab.events() == []


def test_events_that_nobody_took_are_there_later() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth0 = lab.tap("eth0")
        eth0.attach(loaded.programs["abort_it"])
        assert len(eth0.receive(FRAME)) == 1
        assert lab.events() == []
        assert repr(lab.events()) == "no events"


def test_what_a_ring_tells_late_comes_where_it_belongs() -> None:
    need_kernel()
    flush, redirect = DevmapXmit([0] * 7), Redirect([0] * 8)
    inbox = Inbox(lambda event: event in (flush, redirect))
    inbox.put([(2, flush)])
    inbox.put([(1, redirect)])
    assert inbox.take() == [redirect, flush]
    assert inbox.take() == []
    inbox.close()


def test_events_that_do_not_fit_are_an_error() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth1 = lab.tap("eth1")
        loaded.maps["ports"].update(0, eth1)
        with pytest.raises(LostEventsError, match=r"let fewer frames arrive"):
            loaded.programs["forward"].test_run(FRAME, live=True, repeat=20_000)


def test_after_lost_events_the_next_step_is_whole_again() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth1 = lab.tap("eth1")
        loaded.maps["ports"].update(0, eth1)
        forward = loaded.programs["forward"]
        with pytest.raises(LostEventsError):
            forward.test_run(FRAME, live=True, repeat=20_000)
        assert len(forward.test_run(FRAME, live=True).events) == 2


def test_the_context_of_a_run_is_handed_in_as_it_is() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        run = loaded.programs["pass"].test_run
        assert run(FRAME, context={"data_end": len(FRAME)}).data == FRAME
        assert run(FRAME, data_out=False).data == b""
        for unusual in ({"context": {"egress_ifindex": 1}}, {"flags": 1 << 7}):
            with pytest.raises(KernelError, match=r"^EINVAL$"):
                run(FRAME, **unusual)
