# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What devices do with programs and redirected frames; holds on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.errors import KernelError, errno_name
from spec.lab import Device, Lab, LoadedObject
from spec.trace import BulkTx, DevmapXmit
from spec.uapi import BPF_F_BROADCAST, XDP_DROP, XDP_PASS, XDP_TX
from tests.model_programs import FRAGS_SOURCE, SOURCE, wish

TARGET = {"ndo-xmit", "ndo-xmit-sg"}


@pytest.fixture
def loaded(lab: Lab, compile_bpf: Callable[..., Path]) -> LoadedObject:
    return lab.load(compile_bpf(SOURCE, "model_programs"))


@pytest.fixture
def frags(lab: Lab, compile_bpf: Callable[..., Path]) -> LoadedObject:
    return lab.load(compile_bpf(FRAGS_SOURCE, "model_frags"))


def refusal(operation: Callable[..., object], *arguments: object) -> str:
    """The name of the errno with which the kernel refuses *operation*."""
    with pytest.raises(KernelError) as caught:
        operation(*arguments)
    return errno_name(caught.value.errno or 0)


def far_end(device: Device) -> Device:
    assert device.peer is not None
    return device.peer


def told(device: Device, frame: bytes) -> list[str]:
    """The lines about *frame* arriving at *device*."""
    lines = repr(device.receive(frame)).splitlines()
    return [" ".join(line.split()) for line in lines]


# Attaching.


def test_programs_for_entries_are_not_for_devices(lab: Lab, loaded: LoadedObject) -> None:
    for mode in ("native", "generic"):
        for name in ("entry_pass", "cpu_pass"):
            assert refusal(
                lab.tap(f"{mode[:3]}{name[:5]}").attach, loaded.programs[name], mode
            ) == ("EINVAL")


def test_native_and_generic_programs_exclude_each_other(lab: Lab, loaded: LoadedObject) -> None:
    eth0, program = lab.tap("eth0"), loaded.programs["pass"]
    eth0.attach(program)
    eth0.attach(loaded.programs["by_slot"])
    assert refusal(eth0.attach, program, "generic") == "EEXIST"
    eth0.detach()
    eth0.attach(program, "generic")
    assert refusal(eth0.attach, program, "native") == "EEXIST"


def test_a_driver_without_xdp_takes_only_generic_programs(lab: Lab, loaded: LoadedObject) -> None:
    program = loaded.programs["pass"]
    upper = lab.macvlan("upper", lab.tap("eth0"))
    for device in (lab.lo, upper, lab.bridge("switch", lab.tap("eth1"))):
        assert refusal(device.attach, program) == "EOPNOTSUPP"
        device.attach(program, "generic")


def test_an_upper_device_with_a_program_is_in_the_way(lab: Lab, loaded: LoadedObject) -> None:
    eth0, program = lab.tap("eth0"), loaded.programs["pass"]
    lab.macvlan("upper", eth0).attach(program, "generic")
    assert refusal(eth0.attach, program) == "EEXIST"


# Tap.


@pytest.mark.parametrize(
    ("verdict", "received", "sent", "dropped"),
    [(XDP_PASS, 1, 0, 0), (XDP_TX, 0, 1, 0), (XDP_DROP, 0, 0, 1), (0, 0, 0, 1), (77, 0, 0, 1)],
)
def test_a_tap_follows_each_verdict(
    lab: Lab, loaded: LoadedObject, verdict: int, received: int, sent: int, dropped: int
) -> None:
    eth0 = lab.tap("eth0")
    eth0.attach(loaded.programs["by_slot"])
    events = eth0.receive(wish(verdict=verdict))
    assert (len(eth0.received), len(eth0.sent)) == (received, sent)
    assert eth0.counters["rx_dropped"] == dropped
    assert eth0.counters["rx_packets"] == 1 - dropped
    assert [event.name for event in events] == (["xdp_exception"] if verdict in (0, 77) else [])


def test_a_tap_announces_that_it_takes_frames_but_no_fragments(lab: Lab) -> None:
    assert lab.tap("eth0").xdp_features == {"basic", "redirect", "ndo-xmit"}
    assert lab.lo.xdp_features == frozenset()


def test_an_mtu_has_limits(lab: Lab) -> None:
    eth0 = lab.tap("eth0")
    for value in (67, 65522):
        assert refusal(setattr, eth0, "mtu", value) == "EINVAL"
    eth0.mtu = 65521
    assert eth0.mtu == 65521


# Veth.


def test_a_veth_is_a_target_while_its_peer_polls(lab: Lab, loaded: LoadedObject) -> None:
    near = lab.veth("near", "far")
    far = far_end(near)
    assert not near.xdp_features & TARGET
    far.offload("gro", True)
    assert near.xdp_features >= TARGET
    far.offload("gro", False)
    assert not near.xdp_features & TARGET
    far.attach(loaded.programs["pass"])
    assert near.xdp_features >= TARGET
    far.down()
    assert near.xdp_features >= TARGET
    far.up()
    far.detach()
    assert not near.xdp_features & TARGET
    assert not far.xdp_features & TARGET


def test_gro_switched_on_while_the_peer_is_down_shows_only_when_the_target_is_reopened(
    lab: Lab,
) -> None:
    near = lab.veth("near", "far")
    far = far_end(near)
    far.down()
    far.offload("gro", True)
    far.up()
    assert not near.xdp_features & TARGET
    near.down()
    near.up()
    assert near.xdp_features >= TARGET


def test_a_veth_delivers_to_its_peer(lab: Lab, loaded: LoadedObject) -> None:
    eth0, near, frame = lab.tap("eth0"), lab.veth("near", "far"), wish()
    loaded.maps["tx_port"].update(0, near)
    eth0.attach(loaded.programs["by_slot"])
    assert told(eth0, frame) == ["xdp_redirect_err eth0 -> near map tx_port[0] err EOPNOTSUPP"]
    far_end(near).attach(loaded.programs["pass"])
    eth0.receive(frame)
    assert far_end(near).received == near.sent == [frame]
    assert (near.counters["tx_packets"], far_end(near).counters["rx_packets"]) == (1, 1)


def test_a_peer_that_is_down_is_enxio_at_the_flush(lab: Lab, loaded: LoadedObject) -> None:
    eth0, near = lab.tap("eth0"), lab.veth("near", "far")
    far_end(near).attach(loaded.programs["pass"])
    far_end(near).down()
    loaded.maps["tx_port"].update(0, near)
    eth0.attach(loaded.programs["by_slot"])
    assert told(eth0, wish()) == [
        "xdp_redirect eth0 -> near map tx_port[0]",
        "xdp_devmap_xmit eth0 -> near sent 0 drops 1 err ENXIO",
    ]
    assert near.counters["tx_dropped"] == 1


def test_a_frame_longer_than_the_peers_mtu_ends_the_bulk(lab: Lab, loaded: LoadedObject) -> None:
    eth0, near = lab.tap("eth0"), lab.veth("near", "far")
    far_end(near).attach(loaded.programs["pass"])
    far_end(near).mtu = 1000
    loaded.maps["tx_port"].update(0, near)
    eth0.attach(loaded.programs["by_slot"])
    events = eth0.receive(wish(length=1018), wish(length=1019))
    assert [event.sent for event in events if isinstance(event, DevmapXmit)] == [1, 0]
    assert far_end(near).counters["rx_dropped"] == 1


def test_the_ring_of_a_veth_has_room_for_256_frames(lab: Lab, loaded: LoadedObject) -> None:
    eth0, near = lab.tap("eth0"), lab.veth("near", "far")
    far_end(near).attach(loaded.programs["by_key"])
    loaded.maps["tx_port"].update(0, near)
    result = loaded.programs["by_slot"].test_run(
        wish(flags=BPF_F_BROADCAST), eth0, repeat=256, live=True, batch_size=256
    )
    loaded.maps["tx_port"].update(1, near)
    both = loaded.programs["by_slot"].test_run(
        wish(flags=BPF_F_BROADCAST), eth0, repeat=256, live=True, batch_size=256
    )
    lost = [
        sum(event.drops for event in run.events if isinstance(event, DevmapXmit))
        for run in (result, both)
    ]
    assert lost == [0, 256]


def test_a_frame_for_a_veth_can_be_sent_back_through_it(lab: Lab, loaded: LoadedObject) -> None:
    near = lab.veth("near", "far")
    far = far_end(near)
    far.attach(loaded.programs["by_slot"])
    (refused,) = far.receive(wish(verdict=XDP_TX))
    assert isinstance(refused, BulkTx)
    assert (refused.sent, refused.drops, refused.err) == (0, 1, -6)
    near.attach(loaded.programs["pass"])
    frame = wish(verdict=XDP_TX)
    (returned,) = far.receive(frame)
    assert isinstance(returned, BulkTx)
    assert (returned.sent, returned.drops, returned.err) == (1, 0, 0)
    assert near.received == [frame]


def test_a_frame_crosses_two_programs(lab: Lab, loaded: LoadedObject) -> None:
    eth0, eth1, near = lab.tap("eth0"), lab.tap("eth1"), lab.veth("near", "far")
    loaded.maps["tx_port"].update(0, near)
    loaded.maps["forward_map"].update(0, eth1)
    eth0.attach(loaded.programs["by_slot"])
    far_end(near).attach(loaded.programs["by_key"])
    assert told(eth0, wish()) == [
        "xdp_redirect eth0 -> near map tx_port[0]",
        "xdp_devmap_xmit eth0 -> near sent 1 drops 0",
        "xdp_redirect far -> eth1 map forward_map[0]",
        "xdp_devmap_xmit far -> eth1 sent 1 drops 0",
    ]
    assert eth1.sent == [wish()]


def test_a_program_limits_the_mtu_of_the_peer(lab: Lab, loaded: LoadedObject) -> None:
    near = lab.veth("near", "far")
    near.mtu = 3507
    assert refusal(far_end(near).attach, loaded.programs["pass"]) == "ERANGE"
    near.mtu = 3506
    far_end(near).attach(loaded.programs["pass"])
    assert refusal(setattr, near, "mtu", 3507) == "EINVAL"
    far_end(near).detach()
    near.mtu = 9000


def test_removing_one_end_removes_the_other(lab: Lab, loaded: LoadedObject) -> None:
    near, ports = lab.veth("near", "far"), loaded.maps["tx_port"]
    ports.update(0, near)
    far_end(near).remove()
    assert refusal(ports.lookup, 0) == "ENOENT"
    assert [device.name for device in lab.devices().values()] == ["lo"]


# Fragments.


class Pairs:
    """Two veth pairs with large frames; ``far`` runs a program that knows fragments."""

    def __init__(self, lab: Lab, frags: LoadedObject) -> None:
        self.eth0, self.eth1 = lab.tap("eth0"), lab.tap("eth1")
        self.far, self.target = far_end(lab.veth("near", "far")), lab.veth("target", "sink")
        self.sink = far_end(self.target)
        for device in (self.eth0, self.eth1, self.far, self.far.peer, self.target, self.sink):
            assert device is not None
            device.mtu = 9000
        self.far.attach(frags.programs["to_slot_0"])
        self.sink.attach(frags.programs["pass"])
        self.ports, self.programs = frags.maps["tx_port"], frags.programs


@pytest.fixture
def pairs(lab: Lab, frags: LoadedObject) -> Pairs:
    return Pairs(lab, frags)


LONG = wish(length=8000)


def test_a_device_without_scatter_gather_takes_no_fragments(pairs: Pairs) -> None:
    pairs.ports.update(0, pairs.eth0)
    assert told(pairs.far, LONG) == ["xdp_redirect_err far -> eth0 map tx_port[0] err EOPNOTSUPP"]
    pairs.far.receive(wish())
    assert pairs.eth0.sent == [wish()]


def test_a_veth_takes_fragments(pairs: Pairs) -> None:
    pairs.ports.update(0, (pairs.target, pairs.programs["entry_knows_frags"]))
    pairs.far.receive(LONG)
    assert pairs.sink.received == [LONG]


def test_a_frame_with_fragments_is_not_copied(pairs: Pairs) -> None:
    pairs.far.attach(pairs.programs["to_all"])
    pairs.ports.update(0, pairs.eth0)
    pairs.ports.update(1, pairs.target)
    pairs.far.receive(LONG)
    assert pairs.sink.received == [LONG], "the only one who can take it needs no copy"
    pairs.ports.update(2, pairs.target)
    assert told(pairs.far, LONG) == ["xdp_redirect_err far -> eth0 map tx_port[0] err EOPNOTSUPP"]
    assert pairs.sink.received == []


def test_generic_xdp_sends_fragments_to_any_device(pairs: Pairs) -> None:
    pairs.far.detach()
    pairs.far.attach(pairs.programs["to_slot_0"], "generic")
    pairs.ports.update(0, pairs.eth0)
    pairs.far.receive(LONG)
    assert pairs.eth0.sent == [LONG]


# Namespaces.


def test_an_entry_outlives_the_namespace_boundary_between_program_and_device(
    lab: Lab, loaded: LoadedObject
) -> None:
    eth0, eth1, ports = lab.tap("eth0"), lab.tap("eth1"), loaded.maps["tx_port"]
    ports.update(1, eth1)
    eth0.move(lab.namespace())
    eth0.up()
    eth0.attach(loaded.programs["by_slot"])
    eth0.receive(wish(key=1))
    assert eth1.sent == [wish(key=1)]
    assert told(eth0, wish(calls=1, ifindex=eth1.ifindex)) == [
        "xdp_redirect_err eth0 -> eth1 no map err EINVAL"
    ]


def test_a_device_that_moves_goes_down(lab: Lab, loaded: LoadedObject) -> None:
    eth0 = lab.tap("eth0")
    eth0.attach(loaded.programs["by_slot"])
    eth0.move(lab.namespace())
    eth0.receive(wish(verdict=XDP_PASS))
    assert eth0.received == []
    assert eth0.counters["rx_dropped"] == 1
    assert refusal(lab.lo.move, lab.namespace()) == "EINVAL"


def test_the_end_of_a_namespace_is_the_end_of_its_devices(lab: Lab, loaded: LoadedObject) -> None:
    near, ports, namespace = lab.veth("near", "far"), loaded.maps["tx_port"], lab.namespace()
    ports.update(0, near)
    far_end(near).move(namespace)
    namespace.close()
    assert refusal(ports.lookup, 0) == "ENOENT"


# Upper devices.


def test_generic_redirection_through_a_macvlan_leaves_by_the_device_below(
    lab: Lab, loaded: LoadedObject
) -> None:
    eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
    loaded.maps["tx_port"].update(0, lab.macvlan("upper", eth1))
    eth0.attach(loaded.programs["by_slot"], "generic")
    eth0.receive(wish())
    assert eth1.sent == [wish()]


def test_generic_redirection_to_a_bridge_floods_its_ports(lab: Lab, loaded: LoadedObject) -> None:
    eth0, eth1, eth2 = (lab.tap(f"eth{number}") for number in range(3))
    loaded.maps["tx_port"].update(0, lab.bridge("switch", eth1, eth2))
    eth0.attach(loaded.programs["by_slot"], "generic")
    eth0.receive(wish())
    assert eth1.sent == eth2.sent == [wish()]
