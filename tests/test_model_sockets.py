# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What becomes of a frame for an AF_XDP socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.errors import KernelError, errno_name
from spec.lab import Device, Lab, LoadedObject, Map
from spec.trace import Redirect
from spec.uapi import BPF_EXIST, BPF_F_TEST_XDP_LIVE_FRAMES, BPF_NOEXIST
from tests.model_programs import wish

SOURCE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 4);
} sockets SEC(".maps");

SEC("xdp") int to_socket(struct xdp_md *ctx) { return bpf_redirect_map(&sockets, 0, XDP_PASS); }

char _license[] SEC("license") = "GPL";
"""


@pytest.fixture
def loaded(lab: Lab, compile_bpf: Callable[..., Path]) -> LoadedObject:
    return lab.load(compile_bpf(SOURCE, "model_sockets"))


@pytest.fixture
def sockets(loaded: LoadedObject) -> Map:
    return loaded.maps["sockets"]


@pytest.fixture(params=["native", "generic"])
def eth0(lab: Lab, loaded: LoadedObject, request: pytest.FixtureRequest) -> Device:
    """A tap whose frames go to the socket in slot 0."""
    device = lab.tap("eth0")
    device.attach(loaded.programs["to_socket"], request.param)
    return device


def refusal(operation: Callable[..., object], *arguments: object) -> str:
    """The name of the errno with which the kernel refuses *operation*."""
    with pytest.raises(KernelError) as caught:
        operation(*arguments)
    return errno_name(caught.value.errno or 0)


def told(device: Device, frame: bytes) -> str:
    """What happened to *frame* after the slot was found."""
    return repr(device.receive(frame)).split("sockets[0]")[1].strip()


def test_a_missing_socket_lets_the_fallback_decide(eth0: Device, sockets: Map) -> None:
    eth0.receive(wish())
    assert eth0.received == [wish()]
    assert refusal(sockets.lookup, 0) == "EOPNOTSUPP"


def test_a_bound_socket_receives(eth0: Device, sockets: Map, lab: Lab) -> None:
    socket = lab.socket()
    sockets.update(0, socket)
    assert told(eth0, wish()) == "err ENXIO"
    socket.bind(eth0)
    assert told(eth0, wish()) == ""
    assert socket.received == [wish()]


def test_a_socket_of_another_device_loses_the_frame(eth0: Device, sockets: Map, lab: Lab) -> None:
    socket = lab.socket()
    socket.bind(lab.tap("eth1"))
    sockets.update(0, socket)
    assert told(eth0, wish()) == "err EINVAL"
    assert eth0.received == []


def test_a_frame_must_fit_a_buffer(eth0: Device, sockets: Map, lab: Lab) -> None:
    socket = lab.socket(frame_size=2048)
    socket.bind(eth0)
    sockets.update(0, socket)
    assert told(eth0, wish(length=1792)) == ""
    assert told(eth0, wish(length=1793)) == "err ENOSPC"
    assert socket.statistics["rx_dropped"] == 1


def test_a_socket_without_buffers_loses_the_frame(eth0: Device, sockets: Map, lab: Lab) -> None:
    socket = lab.socket(ring=2, fill=1)
    socket.bind(eth0)
    sockets.update(0, socket)
    assert [told(eth0, wish()) for _ in range(2)] == ["", "err ENOMEM"]
    socket.fill(1)
    assert told(eth0, wish()) == ""


def test_a_full_ring_loses_the_frame(lab: Lab, loaded: LoadedObject, sockets: Map) -> None:
    eth0 = lab.tap("eth0")
    eth0.attach(loaded.programs["to_socket"])
    socket = lab.socket(ring=2, fill=2)
    socket.bind(eth0)
    sockets.update(0, socket)
    run = loaded.programs["to_socket"].test_run
    run(wish(), eth0, live=True, repeat=2)
    socket.fill(2)
    for _ in range(3):
        run(wish(), eth0, flags=BPF_F_TEST_XDP_LIVE_FRAMES, data_out=False)
    errors = [event.err for event in lab.events() if isinstance(event, Redirect)]
    assert errors == [-105, -105, -105]
    assert socket.statistics["rx_ring_full"] == 3
    assert len(socket.received) == 2


def test_the_same_socket_may_be_stored_again_whatever_the_flags(sockets: Map, lab: Lab) -> None:
    first, second = lab.socket(), lab.socket()
    assert refusal(sockets.update, 0, first, BPF_EXIST) == "ENOENT"
    sockets.update(0, first, BPF_NOEXIST)
    sockets.update(0, first, BPF_NOEXIST)
    assert refusal(sockets.update, 0, second, BPF_NOEXIST) == "EEXIST"
    sockets.update(0, second, BPF_EXIST)


def test_a_closed_socket_leaves_the_map(eth0: Device, sockets: Map, lab: Lab) -> None:
    socket = lab.socket()
    sockets.update(0, socket)
    socket.close()
    eth0.receive(wish())
    assert eth0.received == [wish()]


def test_a_queue_belongs_to_one_socket(eth0: Device, lab: Lab) -> None:
    first, second = lab.socket(), lab.socket()
    first.bind(eth0)
    assert refusal(second.bind, eth0) == "EBUSY"
    assert refusal(second.bind, eth0, 1) == "EINVAL"


@pytest.mark.parametrize("entries", [3, 5])
def test_a_ring_has_a_power_of_two_of_entries(lab: Lab, entries: int) -> None:
    assert refusal(lab.socket, entries, 0) == "EINVAL"
