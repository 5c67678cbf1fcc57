# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the model does as another release, and what the kernel here cannot be waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spec import ModelLab
from spec.errors import InputError, KernelError
from spec.lab import Device, LoadedObject
from spec.release import CHANGES, Release, change
from spec.trace import DevmapXmit, Redirect, RedirectErr
from spec.uapi import BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS, XDP_ABORTED, XDP_REDIRECT
from tests.model_programs import FRAGS_SOURCE, PLAIN_SOURCE, SOURCE, wish

Open = Callable[[str], tuple[ModelLab, LoadedObject]]
ALL_OTHERS = BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS


@pytest.fixture
def open_release(compile_bpf: Callable[..., Path]) -> Iterator[Open]:
    """``open_release("5.10")``: a lab of that release, and the programs loaded there."""
    opened = []

    def open_one(release: str) -> tuple[ModelLab, LoadedObject]:
        opened.append(ModelLab(release))
        return opened[-1], opened[-1].load(compile_bpf(SOURCE, "model_programs"))

    yield open_one
    for lab in opened:
        lab.close()


def told(device: Device, frame: bytes) -> list[str]:
    """The lines about *frame* arriving at *device*."""
    return [" ".join(line.split()) for line in repr(device.receive(frame)).splitlines()]


def from_tap(lab: ModelLab, loaded: LoadedObject, target: Device) -> Device:
    """A tap whose frames go by slot, with *target* in slot 0."""
    eth0 = lab.tap("eth0")
    loaded.maps["tx_port"].update(0, target)
    eth0.attach(loaded.programs["by_slot"])
    return eth0


def test_a_release_has_what_came_before_it_and_what_was_carried_back() -> None:
    assert Release("5.14").has("broadcast")
    assert not Release("5.13").has("broadcast")
    assert change("excluded_devices_bounded").release == "7.0"
    assert Release("6.18").has("excluded_devices_bounded")
    assert not Release("6.17").has("excluded_devices_bounded")


def test_every_change_is_one_sentence_under_a_name_of_its_own() -> None:
    assert len({change.name for change in CHANGES}) == len(CHANGES)
    assert all(change.sentence.endswith((".", ").")) for change in CHANGES)


@pytest.mark.parametrize("text", ["5.9", "7.3", "6", "6.18.44", "newest"])
def test_a_release_that_is_not_modelled_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as caught:
        ModelLab(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("release", "answer"), [("5.13", XDP_ABORTED), ("5.14", XDP_REDIRECT), ("7.2", XDP_REDIRECT)]
)
def test_broadcast_came_in_5_14(open_release: Open, release: str, answer: int) -> None:
    _, loaded = open_release(release)
    assert loaded.programs["by_slot"].test_run(wish(flags=BPF_F_BROADCAST)).retval == answer


@pytest.mark.parametrize(("release", "err"), [("5.10", -22), ("5.12", -22), ("5.13", -56)])
def test_asking_no_helper_once_meant_ifindex_0(open_release: Open, release: str, err: int) -> None:
    lab, loaded = open_release(release)
    (event,) = from_tap(lab, loaded, lab.tap("eth1")).receive(wish(calls=0, verdict=4))
    assert isinstance(event, RedirectErr)
    assert (event.err, event.map_id) == (err, 0)


def test_a_redirect_without_a_map_was_once_traced_with_map_id_0(open_release: Open) -> None:
    for release, map_id in (("5.12", 0), ("5.13", 0x7FFFFFFF)):
        lab, loaded = open_release(release)
        eth1 = lab.tap("eth1")
        event = from_tap(lab, loaded, eth1).receive(wish(calls=1, ifindex=eth1.ifindex))[0]
        assert isinstance(event, Redirect)
        assert (event.to_ifindex, event.map_id) == (eth1.ifindex, map_id)


def test_a_wish_outlived_its_round_until_6_10(open_release: Open) -> None:
    for release, redirected in (("6.10", True), ("6.11", False)):
        lab, loaded = open_release(release)
        eth0 = from_tap(lab, loaded, lab.tap("eth1"))
        eth0.receive(wish(verdict=1))
        (first, *_) = eth0.receive(wish(calls=0, verdict=4))
        assert (not isinstance(first, RedirectErr)) == redirected


def test_the_program_of_an_entry_ran_before_queueing_until_5_13(open_release: Open) -> None:
    for release, lines in (
        ("5.13", ["xdp_exception eth1 program entry_tx XDP_TX", "xdp_redirect eth0 -> eth1"]),
        ("5.14", ["xdp_redirect eth0 -> eth1", "xdp_exception eth1 program entry_tx XDP_TX"]),
    ):
        lab, loaded = open_release(release)
        eth1 = lab.tap("eth1")
        eth0 = from_tap(lab, loaded, eth1)
        loaded.maps["tx_port"].update(0, (eth1, loaded.programs["entry_tx"]))
        assert [line.removesuffix(" map tx_port[0]") for line in told(eth0, wish())][:2] == lines


def test_the_length_was_checked_after_the_program_until_5_13(open_release: Open) -> None:
    for release, lengths in (("5.13", []), ("5.14", [1618])):
        lab, loaded = open_release(release)
        eth1 = lab.tap("eth1")
        eth0 = from_tap(lab, loaded, eth1)
        loaded.maps["tx_port"].update(0, (eth1, loaded.programs["entry_lengthens"]))
        eth0.receive(wish(length=1518))
        assert [len(frame) for frame in eth1.sent] == lengths


def test_live_frames_came_in_5_18(open_release: Open) -> None:
    _, old = open_release("5.17")
    with pytest.raises(KernelError, match="EINVAL"):
        old.programs["by_slot"].test_run(wish(), live=True)
    _, new = open_release("5.18")
    new.programs["by_slot"].test_run(wish(), live=True)


@pytest.mark.parametrize(
    ("release", "line"),
    [
        ("6.2", "xdp_devmap_xmit eth0 -> near sent 0 drops 1 err ENXIO"),
        ("6.3", "xdp_redirect_err eth0 -> near map tx_port[0] err EOPNOTSUPP"),
    ],
)
def test_a_veth_without_a_polling_peer_is_refused_early_since_6_3(
    open_release: Open, release: str, line: str
) -> None:
    lab, loaded = open_release(release)
    assert told(from_tap(lab, loaded, lab.veth("near", "far")), wish())[-1] == line


def test_gro_makes_a_peer_poll_since_5_13(open_release: Open) -> None:
    for release, sent in (("5.12", 0), ("5.13", 1)):
        lab, loaded = open_release(release)
        near = lab.veth("near", "far")
        assert near.peer is not None
        near.peer.offload("gro", True)
        from_tap(lab, loaded, near).receive(wish())
        assert len(near.sent) == sent


def test_upper_devices_are_left_out_since_5_15(compile_bpf: Callable[..., Path]) -> None:
    for release, sent in (("5.14", 1), ("5.15", 0)):
        with ModelLab(release) as lab:
            loaded = lab.load(compile_bpf(PLAIN_SOURCE, "model_plain"))
            eth0 = lab.tap("eth0")
            loaded.maps["plain"].update(0, lab.macvlan("upper", eth0))
            eth0.attach(loaded.programs["to_all_others"], "generic")
            eth0.receive(wish())
            assert len(eth0.sent) == sent


def test_generic_programs_with_maps_of_programs_came_in_5_15(open_release: Open) -> None:
    lab, loaded = open_release("5.14")
    with pytest.raises(KernelError, match="EINVAL"):
        lab.tap("eth0").attach(loaded.programs["by_slot"], "generic")
    lab, loaded = open_release("5.15")
    lab.tap("eth0").attach(loaded.programs["by_slot"], "generic")


def test_many_upper_devices_are_an_error_only_where_they_are_counted(open_release: Open) -> None:
    for release, sent in (("6.17", 1), ("6.18", 0), ("7.2", 0)):
        lab, loaded = open_release(release)
        eth1 = lab.tap("eth1")
        eth0 = from_tap(lab, loaded, eth1)
        for number in range(9):
            lab.macvlan(f"upper{number}", eth0)
        eth0.receive(wish(flags=ALL_OTHERS))
        assert len(eth1.sent) == sent


def test_programs_need_not_agree_about_fragments_before_5_18(
    open_release: Open, compile_bpf: Callable[..., Path]
) -> None:
    for release, refused in (("5.17", False), ("5.18", True)):
        lab, loaded = open_release(release)
        eth0 = lab.tap("eth0")
        knows = lab.load(compile_bpf(FRAGS_SOURCE, "model_frags")).programs["entry_knows_frags"]
        try:
            loaded.maps["tx_port"].update(0, (eth0, knows))
        except KernelError:
            assert refused
        else:
            assert not refused


def test_fragments_were_lost_without_an_event_before_6_3(
    open_release: Open, compile_bpf: Callable[..., Path]
) -> None:
    for release, names in (("6.2", []), ("6.3", ["xdp_redirect_err"])):
        lab, _ = open_release(release)
        knowing = lab.load(compile_bpf(FRAGS_SOURCE, "model_frags"))
        near = lab.veth("near", "far")
        far = near.peer
        assert far is not None
        near.mtu = far.mtu = 9000
        far.attach(knowing.programs["to_slot_0"])
        knowing.maps["tx_port"].update(0, lab.tap("eth0"))
        assert [event.name for event in far.receive(wish(length=8000))] == names


def test_generic_copies_shared_their_bytes_in_older_releases(open_release: Open) -> None:
    for release, marks in (("6.17", [2, 2]), ("6.18", [1, 1])):
        lab, loaded = open_release(release)
        eth0, eth1, eth2 = (lab.tap(f"eth{number}") for number in range(3))
        for slot, device in enumerate((eth1, eth2)):
            loaded.maps["tx_port"].update(slot, (device, loaded.programs["entry_marks"]))
        eth0.attach(loaded.programs["by_slot"], "generic")
        eth0.receive(wish(flags=BPF_F_BROADCAST))
        assert [eth1.sent[0][58], eth2.sent[0][58]] == marks


def test_a_cpumap_says_what_is_wrong_with_a_program_since_7_0(open_release: Open) -> None:
    for release, reason in (("6.19", "ENOMEM"), ("7.0", "EINVAL")):
        _, loaded = open_release(release)
        with pytest.raises(KernelError, match=reason):
            loaded.maps["cpu_map"].update(0, (192, loaded.programs["entry_pass"]))


def test_silent_tracepoints_are_gone_since_6_17() -> None:
    for release, there in (("6.16", True), ("6.17", False)):
        with ModelLab(release) as lab:
            assert ("xdp_redirect_map_err" in lab.tracepoints()) == there


def test_frames_wait_in_the_ring_if_the_last_flush_drops_everything(open_release: Open) -> None:
    lab, loaded = open_release("6.18")
    eth0, near = lab.tap("eth0"), lab.veth("near", "far")
    far = near.peer
    assert far is not None
    far.attach(loaded.programs["pass"])
    loaded.maps["tx_port"].update(0, (near, loaded.programs["entry_first_16"]))
    run = loaded.programs["by_slot"].test_run(wish(), eth0, repeat=17, live=True)
    bulks = [(event.sent, event.drops) for event in run.events if isinstance(event, DevmapXmit)]
    assert bulks == [(16, 0), (0, 1)]
    assert far.received == []
    far.receive(wish())
    assert len(far.received) == 17
