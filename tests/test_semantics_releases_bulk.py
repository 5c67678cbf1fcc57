# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How bulk queues and programs at entries were different in other releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from spec import ModelLab
from spec.lab import Device
from spec.trace import BulkTx, DevmapXmit, Event, ExceptionRaised, Redirect
from spec.uapi import XDP_ABORTED, XDP_TX
from tests.redirect_programs import asks, frame, marks, metadata, slot
from tests.switch import OpenRelease, Switch, errors, far_end


@contextmanager
def one_round(switch: Switch) -> Iterator[None]:
    """What other devices are to poll waits until the end, and is polled together."""
    assert isinstance(switch.lab, ModelLab)
    processor = switch.lab.processors[0]
    processor.enter()
    yield
    processor.leave()
    processor.run_softirqs()


def put_before(switch: Switch) -> Device:
    """Slot 5 leads to a veth whose other end, which this is, runs the same program."""
    near = switch.lab.veth("near", "far")
    switch.put(5, near)
    far_end(near).attach(switch.programs["follows"])
    return far_end(near)


@pytest.mark.semantics("Q-05", "M-07")
def test_the_program_of_an_entry_ran_before_queueing_until_5_13(release: OpenRelease) -> None:
    at_once = [ExceptionRaised, Redirect]
    at_flush = [Redirect, ExceptionRaised, DevmapXmit]
    for text, kinds in (("5.13", at_once), ("5.14", at_flush)):
        switch = release(text)
        switch.put(0, switch.eth1, "entry_aborted")
        events = switch.eth0.receive(frame(slot(0)))
        assert ([type(event) for event in events], errors(events)) == (kinds, [""])


@pytest.mark.semantics("Q-04")
@pytest.mark.parametrize(("text", "runs"), [("5.13", [1, 0]), ("5.14", [1, 1])])
def test_each_entry_had_its_own_program_until_5_13(
    release: OpenRelease, text: str, runs: list[int]
) -> None:
    switch = release(text)
    put_before(switch)
    switch.put(0, switch.eth1, "entry_marks")
    switch.put(1, switch.eth1)
    both = frame(slot(5), slot(5), slot(0), slot(1))
    with one_round(switch):
        switch.eth0.receive(both, both)
    assert [marks(sent).runs for sent in switch.eth1.sent] == runs


@pytest.mark.semantics("Q-06", "W-04")
@pytest.mark.parametrize(("text", "sent"), [("5.12", [1, 2, 4]), ("5.13", [1, 2])])
def test_a_driver_skipped_single_frames_until_5_12(
    release: OpenRelease, text: str, sent: list[int]
) -> None:
    switch = release(text)
    put_before(switch)
    sink = far_end(switch.veth_in_slot_0())
    sink.attach(switch.programs["pass"])
    sink.mtu = 1000
    turns = [slot(5)] * 4 + [slot(0)] * 4
    frames = [frame(*turns, length=1000 + more) for more in (1, 2, 30, 4)]
    with one_round(switch):
        switch.eth0.receive(*frames)
    assert [len(received) - 1000 for received in sink.received] == sent


@pytest.mark.semantics("M-05")
@pytest.mark.parametrize(("text", "size"), [("5.13", 0xFFFF), ("5.14", 8)])
def test_programs_of_entries_had_no_metadata_until_5_13(
    release: OpenRelease, text: str, size: int
) -> None:
    """They saw it begin behind the packet's first byte, which says that there can be none."""
    switch = release(text)
    far = put_before(switch)
    switch.put(0, switch.eth1, "entry_marks")
    far.receive(frame(asks(metadata(8), slot(0))))
    assert [marks(sent).metadata for sent in switch.eth1.sent] == [size]


@pytest.mark.semantics("W-05")
@pytest.mark.parametrize(
    ("text", "left", "polled"),
    [
        ("5.14", [BulkTx, DevmapXmit], ["near", "far"]),
        ("6.1", [DevmapXmit, BulkTx], ["far", "near"]),
        ("6.6", [DevmapXmit, BulkTx], ["far", "near"]),
        ("6.12", [DevmapXmit, BulkTx], ["near", "far"]),
        ("6.18", [DevmapXmit, BulkTx], ["near", "far"]),
    ],
)
def test_the_poll_of_a_veth_ended_before_its_frames_had_left(
    release: OpenRelease, text: str, left: list[type[Event]], polled: list[str]
) -> None:
    """The first frame is redirected into the very ring that it came from, the second sent back."""
    switch = release(text)
    far = put_before(switch)
    near = far_end(far)
    near.attach(switch.programs["follows"])
    back, aborted = asks(verdict=XDP_TX), asks(verdict=XDP_ABORTED)
    both = frame(slot(5), slot(5), slot(5), back, aborted, aborted)
    with one_round(switch):
        switch.eth0.receive(both, both)
    events = switch.lab.events()
    assert [type(event) for event in events if isinstance(event, BulkTx | DevmapXmit)] == left
    names = {device.ifindex: device.name for device in (near, far)}
    told = [event for event in events if isinstance(event, ExceptionRaised)]
    assert [names[event.ifindex] for event in told] == polled
