# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How frames of live test runs were different in other releases."""

from __future__ import annotations

import pytest

from spec.uapi import BPF_F_BROADCAST, XDP_PASS
from tests.redirect_programs import MARK, asks, frame, marks, redirect, slot, socket
from tests.refusal import refusal
from tests.switch import OpenRelease, Switch, bulks, far_end

ALL = BPF_F_BROADCAST
EMPTY = 30
FRESH_PAGES = 64
"""Live frames that have a page each before any page is used again."""


def put_where_frames_are_dropped(switch: Switch) -> None:
    """Slot 5 leads to a veth whose other end drops what the program of the entry has cut."""
    near = switch.lab.veth("target", "sink")
    far_end(near).attach(switch.programs["drops"])
    switch.put(5, near, "entry_cuts")


@pytest.mark.semantics("E-20")
def test_live_frames_came_in_5_18(release: OpenRelease) -> None:
    assert refusal(release("5.17").burst, frame(slot(0)), 1) == "EINVAL"
    assert len(bulks(release("5.18").burst(frame(slot(0)), 1))) == 1


@pytest.mark.semantics("E-21")
@pytest.mark.parametrize(("text", "longest"), [("6.2", 3368), ("6.3", 3408)])
def test_live_frames_were_shorter_by_their_header_until_6_2(
    release: OpenRelease, text: str, longest: int
) -> None:
    switch = release(text)
    switch.burst(frame(length=longest), 1)
    assert refusal(switch.burst, frame(length=longest + 1), 1) == "EINVAL"


@pytest.mark.parametrize(("text", "early"), [("6.2", 40), ("6.3", 0)])
def test_copies_of_a_live_frame_began_too_early_until_6_2(
    release: OpenRelease, text: str, early: int
) -> None:
    switch, sent = release(text), frame(slot(0, ALL))
    switch.burst(sent, 1)
    [copied], [same] = switch.eth1.sent, switch.eth3.sent
    assert len(copied) == len(same) == len(sent)
    assert copied == (bytes(early) + same)[: len(same)]


@pytest.mark.parametrize("text", ["6.2", "6.3"])
def test_copies_of_a_live_frame_that_a_veth_sent_on_began_where_it_does(
    release: OpenRelease, text: str
) -> None:
    switch = release(text)
    near = switch.lab.veth("target", "sink")
    far_end(near).attach(switch.programs["follows"])
    switch.burst(frame(redirect(near.ifindex), slot(EMPTY, ALL)), 1)
    [copied], [same] = switch.eth1.sent, switch.eth3.sent
    assert copied == same


@pytest.mark.parametrize(("text", "runs"), [("6.3", 1), ("6.4", 2)])
def test_the_page_of_a_live_frame_that_was_dropped_as_a_buffer_was_not_used_again(
    release: OpenRelease, text: str, runs: int
) -> None:
    switch = release(text)
    switch.eth0.detach()
    switch.eth0.attach(switch.programs["drops"], "generic")
    asked = frame(*[asks(MARK, verdict=XDP_PASS)] * FRESH_PAGES, asks(MARK, slot(0)))
    switch.burst(asked, FRESH_PAGES + 1, batch_size=FRESH_PAGES)
    assert [marks(sent).runs for sent in switch.eth1.sent] == [runs]


@pytest.mark.parametrize(("text", "missing"), [("6.1", 4), ("6.3", 4), ("6.4", 0)])
def test_a_live_frame_in_a_used_page_was_as_the_last_entry_had_left_it_until_6_3(
    release: OpenRelease, text: str, missing: int
) -> None:
    switch = release(text)
    put_where_frames_are_dropped(switch)
    asked = frame(*[slot(5)] * FRESH_PAGES, slot(0))
    switch.burst(asked, FRESH_PAGES + 1, batch_size=FRESH_PAGES)
    assert [len(sent) for sent in switch.eth1.sent] == [len(asked) - missing]


def test_a_socket_got_the_packet_of_a_used_page_as_the_program_saw_it(release: OpenRelease) -> None:
    switch = release("6.1")
    put_where_frames_are_dropped(switch)
    umem = switch.lab.socket()
    umem.bind(switch.eth0)
    switch.maps["xsks"].update(0, umem)
    asked = frame(*[slot(5)] * FRESH_PAGES, socket(0))
    switch.burst(asked, FRESH_PAGES + 1, batch_size=FRESH_PAGES)
    assert [len(got) for got in umem.received] == [len(asked)]
