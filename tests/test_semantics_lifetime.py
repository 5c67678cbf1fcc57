# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What happens to entries when their devices change; every sentence holds on both engines."""

from __future__ import annotations

import time
from errno import ENOENT

import pytest

from spec.errors import KernelError
from spec.lab import Lab, Map
from tests.refusal import refusal

PATIENCE = 5
"""Seconds."""


@pytest.mark.semantics("L-01")
def test_a_device_that_is_removed_leaves_every_map(lab: Lab) -> None:
    eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
    maps = [lab.create_map(type, max_entries=4) for type in ("devmap", "devmap_hash", "devmap")]
    for ports in maps:
        for key, device in enumerate((eth0, eth1, eth0)):
            ports.update(key, device)
    eth0.remove()
    for ports in maps:
        assert refusal(ports.lookup, 0) == refusal(ports.lookup, 2) == "ENOENT"
        assert ports.lookup(1).ifindex == eth1.ifindex


@pytest.mark.semantics("L-01")
def test_a_device_that_is_removed_gives_back_its_room_in_a_hash(lab: Lab) -> None:
    eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
    ports = lab.create_map("devmap_hash", max_entries=2)
    for key, device in ((1, eth0), (2, eth1)):
        ports.update(key, device)
    assert refusal(ports.update, 3, eth1) == "E2BIG"
    eth0.remove()
    assert list(ports.keys()) == [2]
    ports.update(3, eth1)


@pytest.mark.semantics("L-01")
def test_both_ends_of_a_pair_leave_together(lab: Lab) -> None:
    near = lab.veth("near", "far")
    assert near.peer is not None
    ports = lab.create_map("devmap", max_entries=2)
    ports.update(0, near)
    ports.update(1, near.peer)
    near.peer.remove()
    assert refusal(ports.lookup, 0) == refusal(ports.lookup, 1) == "ENOENT"
    assert [device.name for device in lab.devices().values()] == ["lo"]


@pytest.mark.semantics("L-02")
@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_a_device_that_moves_to_another_namespace_leaves_its_entries(lab: Lab, type: str) -> None:
    eth0, ports = lab.tap("eth0"), lab.create_map(type)
    ports.update(0, eth0)
    eth0.move(lab.namespace())
    assert refusal(ports.lookup, 0) == "ENOENT"


@pytest.mark.semantics("L-03")
@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_going_down_and_another_mtu_leave_the_entries_alone(lab: Lab, type: str) -> None:
    eth0, ports = lab.tap("eth0"), lab.create_map(type)
    ports.update(0, eth0)
    before = ports.lookup(0)
    eth0.down()
    eth0.mtu = 900
    assert ports.lookup(0) == before
    eth0.up()
    assert ports.lookup(0) == before


@pytest.mark.semantics("L-02")
@pytest.mark.parametrize("type", ["devmap", "devmap_hash"])
def test_a_namespace_that_ends_takes_the_entries_of_its_devices_along(lab: Lab, type: str) -> None:
    elsewhere, eth0, ports = lab.namespace(), lab.tap("eth0"), lab.create_map(type)
    eth0.move(elsewhere)
    with elsewhere.inside():
        ports.update(0, eth0)
    assert ports.lookup(0).ifindex == eth0.ifindex
    elsewhere.close()
    assert gone_soon(ports, 0)


@pytest.mark.semantics("L-02", "L-01")
def test_a_namespace_that_ends_takes_the_other_end_of_a_pair_along(lab: Lab) -> None:
    elsewhere, near, ports = lab.namespace(), lab.veth("near", "far"), lab.create_map("devmap")
    ports.update(0, near)
    assert near.peer is not None
    near.peer.move(elsewhere)
    assert ports.lookup(0).ifindex == near.ifindex
    elsewhere.close()
    assert gone_soon(ports, 0)


def gone_soon(ports: Map, key: int) -> bool:
    """The kernel takes a namespace down in the background."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            ports.lookup(key)
        except KernelError as error:
            return error.errno == ENOENT
        time.sleep(0.01)
    return False
