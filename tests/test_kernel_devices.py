# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Devices of the live lab: what arrives, what leaves, what the kernel says about them."""

from __future__ import annotations

import pytest

from spec.errors import InputError, KernelError
from tests.live import FRAME, live_lab, programs

pytestmark = pytest.mark.kernel
TAGGED = FRAME[:12] + bytes.fromhex("8100 0007") + FRAME[12:]


def test_a_step_begins_with_nothing_sent_or_received() -> None:
    with live_lab() as lab:
        eth0 = lab.tap("eth0")
        eth0.receive(FRAME, FRAME)
        assert eth0.received == [FRAME, FRAME]
        eth0.receive()
        assert eth0.received == []


def test_tap_sends_back_what_the_program_turns_round() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth0 = lab.tap("eth0")
        eth0.attach(loaded.programs["send_back"])
        eth0.receive(FRAME)
        assert eth0.sent == [FRAME]


def test_a_device_that_is_down_loses_what_arrives() -> None:
    with live_lab() as lab:
        eth0, veth0 = lab.tap("eth0"), lab.veth("veth0")
        for device in (eth0, veth0):
            device.down()
            assert device.receive(FRAME) == []
            assert device.received == []
            device.up()
            device.receive(FRAME)
            assert device.received == [FRAME]


def test_what_one_end_of_a_veth_pair_sends_the_other_receives() -> None:
    with live_lab() as lab:
        veth0 = lab.veth("veth0", "veth1")
        assert veth0.peer is not None
        assert (veth0.peer.name, veth0.peer.peer) == ("veth1", veth0)
        veth0.receive(FRAME)
        assert veth0.received == veth0.peer.sent == [FRAME]
        assert veth0.counters["rx_packets"] == veth0.peer.counters["tx_packets"] == 1


def test_a_vlan_tag_is_received_as_it_was_on_the_wire() -> None:
    with live_lab() as lab:
        for device in (lab.tap("eth0"), lab.veth("veth0")):
            device.receive(TAGGED)
            assert device.received == [TAGGED]


def test_veth_takes_redirected_frames_once_its_peer_polls() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth0, veth0 = lab.tap("eth0"), lab.veth("veth0", "veth1")
        assert veth0.peer is not None
        eth0.attach(loaded.programs["forward"])
        loaded.maps["ports"].update(0, veth0)
        assert "ndo-xmit" not in veth0.xdp_features
        assert repr(eth0.receive(FRAME)) == (
            "xdp_redirect_err  eth0 -> veth0  map ports[0]  err EOPNOTSUPP"
        )
        veth0.peer.offload("gro", True)
        assert veth0.xdp_features >= {"ndo-xmit", "ndo-xmit-sg"}
        for _ in range(50):
            eth0.receive(FRAME)
            assert veth0.sent == veth0.peer.received == [FRAME]


def test_frames_are_followed_through_a_chain_of_veth_pairs() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded, lab.load(programs()) as second:
        eth0, veth0, veth2 = lab.tap("eth0"), lab.veth("veth0", "veth1"), lab.veth("veth2", "veth3")
        assert veth0.peer is not None
        assert veth2.peer is not None
        eth0.attach(loaded.programs["forward"])
        loaded.maps["ports"].update(0, veth0)
        veth0.peer.attach(second.programs["forward"])
        second.maps["ports"].update(0, veth2)
        veth2.peer.attach(loaded.programs["pass"])
        for _ in range(50):
            events = eth0.receive(FRAME)
            assert [event.name for event in events] == [
                "xdp_redirect",
                "xdp_devmap_xmit",
                "xdp_redirect",
                "xdp_devmap_xmit",
            ]
            assert veth2.sent == [FRAME]


def test_what_a_veth_sends_back_is_polled_by_a_program_and_left_lying_by_gro_alone() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        veth0 = lab.veth("veth0", "veth1")
        assert veth0.peer is not None
        veth0.attach(loaded.programs["send_back"])
        veth0.peer.offload("gro", True)
        assert repr(veth0.receive(FRAME)) == "xdp_bulk_tx  veth0  sent 1 drops 0"
        assert veth0.sent == []
        veth0.peer.attach(loaded.programs["pass"])
        veth0.receive(FRAME)
        assert veth0.sent[-1:] == [FRAME]


def test_generic_program_redirects_to_a_veth() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        veth0, veth2 = lab.veth("veth0", "veth1"), lab.veth("veth2", "veth3")
        veth0.attach(loaded.programs["forward"], "generic")
        loaded.maps["ports"].update(0, veth2)
        for _ in range(50):
            assert repr(veth0.receive(FRAME)) == "xdp_redirect  veth0 -> veth2  map ports[0]"
            assert veth2.sent == [FRAME]


def test_detaching_works_in_either_mode_and_without_a_program() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth0 = lab.tap("eth0")
        for mode in ("native", "generic"):
            eth0.attach(loaded.programs["pass"], mode)
            eth0.attach(loaded.programs["drop"], mode)
            eth0.receive(FRAME)
            assert eth0.received == []
            eth0.detach()
            eth0.receive(FRAME)
            assert eth0.received == [FRAME]
        eth0.detach()
        lab.lo.detach()


def test_refusals_come_with_the_kernels_own_words() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth0 = lab.tap("eth0")
        eth0.attach(loaded.programs["pass"])
        with pytest.raises(
            KernelError, match=r"^EEXIST: Native and generic XDP can't be active at the same time$"
        ):
            eth0.attach(loaded.programs["pass"], "generic")
        with pytest.raises(
            KernelError,
            match=r"^EOPNOTSUPP: Underlying driver does not support XDP in native mode$",
        ):
            lab.lo.attach(loaded.programs["pass"])
        with pytest.raises(KernelError, match=r"^EINVAL"):
            eth0.mtu = 1
        assert eth0.mtu == 1500


def test_a_removed_device_is_gone_and_so_is_its_peer() -> None:
    with live_lab() as lab:
        eth0, veth0 = lab.tap("eth0"), lab.veth("veth0")
        assert veth0.peer is not None
        eth0.remove()
        veth0.peer.remove()
        assert list(lab.devices().values()) == [lab.lo]
        for device in (eth0, veth0):
            with pytest.raises(KernelError, match=r"^ENODEV"):
                device.receive(FRAME)
            with pytest.raises(KernelError, match=r"^ENODEV"):
                device.up()
        assert lab.tap("eth0").ifindex != eth0.ifindex


def test_a_moved_device_works_in_its_new_namespace() -> None:
    with live_lab() as lab:
        eth0, veth0 = lab.tap("eth0"), lab.veth("veth0")
        elsewhere = lab.namespace()
        for device in (eth0, veth0):
            device.move(elsewhere)
            assert device.ifindex not in lab.devices()
            device.up()
            device.receive(FRAME)
            assert device.received == [FRAME]
        elsewhere.close()
        elsewhere.close()
        assert list(lab.devices().values()) == [lab.lo]
        eth1 = lab.tap("eth1")
        eth1.receive(FRAME)
        assert eth1.received == [FRAME]


def test_entries_vanish_with_the_namespace_that_their_device_is_in() -> None:
    with live_lab() as lab:
        ports = lab.create_map("devmap", max_entries=2, name="ports")
        veth0 = lab.veth("veth0")
        assert veth0.peer is not None
        ports.update(0, veth0)
        elsewhere = lab.namespace()
        veth0.peer.move(elsewhere)
        assert ports.lookup(0).ifindex == veth0.ifindex
        elsewhere.close()
        with pytest.raises(KernelError, match=r"^ENOENT$"):
            ports.lookup(0)


def test_a_port_receives_for_its_bridge_which_floods_the_others() -> None:
    with live_lab() as lab:
        eth0, eth1, veth0 = lab.tap("eth0"), lab.tap("eth1"), lab.veth("veth0")
        br0 = lab.bridge("br0", eth0, eth1, veth0)
        eth0.receive(FRAME)
        assert eth1.sent == veth0.sent == br0.received == [FRAME]
        with pytest.raises(InputError, match=r"use that device"):
            br0.receive(FRAME)


def test_loopback_receives_what_it_sends() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        for _ in range(20):
            lab.lo.receive(FRAME)
            assert lab.lo.received == [FRAME]
        lab.lo.attach(loaded.programs["abort_it"], "generic")
        assert repr(lab.lo.receive(FRAME)) == "xdp_exception  lo  program abort_it  XDP_ABORTED"


def test_a_macvlan_receives_what_is_for_everybody_and_goes_with_the_device_below() -> None:
    with live_lab() as lab:
        eth0 = lab.tap("eth0")
        mac0 = lab.macvlan("mac0", eth0)
        for _ in range(50):
            eth0.receive(FRAME)
            assert eth0.received == mac0.received == [FRAME]
        mac0.down()
        eth0.receive(FRAME)
        assert mac0.received == []
        eth0.remove()
        assert list(lab.devices().values()) == [lab.lo]
        with pytest.raises(KernelError, match=r"^ENODEV"):
            mac0.up()
