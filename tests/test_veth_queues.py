# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Veth pairs with several queues, and frames on another CPU than the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Device, Lab, LoadedObject
from tests.bpf_pieces import CPUMAP, DEVMAP, INCLUDES, map_of
from tests.refusal import refusal
from tests.switch import far_end, told

SOURCE = (
    INCLUDES
    + map_of(DEVMAP, "ports", "struct bpf_devmap_val")
    + map_of(CPUMAP, "cpus", "struct bpf_cpumap_val")
    + """
SEC("xdp") int to_port(struct xdp_md *ctx) { return bpf_redirect_map(&ports, 0, 0); }
SEC("xdp") int to_cpu_1(struct xdp_md *ctx) { return bpf_redirect_map(&cpus, 1, 0); }
SEC("xdp/cpumap") int cpu_to_port(struct xdp_md *ctx) { return bpf_redirect_map(&ports, 0, 0); }
SEC("xdp") int marks_queue(struct xdp_md *ctx)
{
    __u8 *data = (void *)(long)ctx->data;

    if (data + 16 > (__u8 *)(long)ctx->data_end)
        return XDP_DROP;
    data[14] = ctx->rx_queue_index;
    data[15] = bpf_get_smp_processor_id();
    return XDP_PASS;
}
"""
)
FRAME = bytes.fromhex("020000000002 020000000001 88b5") + bytes(46)
TARGET = frozenset({"ndo-xmit", "ndo-xmit-sg"})
BASIC = frozenset({"basic", "redirect", "rx-sg"})
NONE = frozenset[str]()


@pytest.fixture
def loaded(lab: Lab, compile_bpf: Callable[..., Path]) -> LoadedObject:
    return lab.load(compile_bpf(SOURCE, "veth_queues"))


def places(device: Device) -> list[tuple[int, int]]:
    """Queue and CPU that the program noted in each frame that *device* received."""
    return [(frame[14], frame[15]) for frame in device.received]


@pytest.mark.parametrize(("queues", "queue"), [(1, 0), (2, 1)])
def test_the_cpu_that_redirects_chooses_the_queue(
    lab: Lab, loaded: LoadedObject, queues: int, queue: int
) -> None:
    eth0, near = lab.tap("eth0"), lab.veth("near", "far", queues=queues)
    far = far_end(near)
    far.attach(loaded.programs["marks_queue"])
    loaded.maps["ports"].update(0, near)
    eth0.attach(loaded.programs["to_port"])
    eth0.receive(FRAME)
    assert places(far) == [(0, 0)]
    loaded.maps["cpus"].update(1, (64, loaded.programs["cpu_to_port"]))
    eth0.attach(loaded.programs["to_cpu_1"])
    eth0.receive(FRAME)
    assert places(far) == [(queue, 1)]
    assert far.statistics[f"rx_queue_{queue}_xdp_packets"] == 2 - queue
    assert near.statistics[f"tx_queue_{queue}_xdp_xmit"] == 2 - queue
    assert far.counters["rx_packets"] == near.counters["tx_packets"] == 2


def test_a_program_needs_as_many_queues_as_the_peer_sends_by(
    lab: Lab, loaded: LoadedObject
) -> None:
    near = lab.veth("near", "far", queues=1, peer_queues=2)
    far, program = far_end(near), loaded.programs["marks_queue"]
    assert (near.xdp_features, far.xdp_features) == (NONE, BASIC)
    assert refusal(near.attach, program) == "ENOSPC"
    near.attach(program, "generic")
    far.attach(program)
    assert (near.xdp_features, far.xdp_features) == (TARGET, BASIC)
    far.detach()
    assert near.xdp_features == NONE


def test_too_large_a_peer_mtu_comes_before_too_few_queues(lab: Lab, loaded: LoadedObject) -> None:
    near = lab.veth("near", "far", queues=1, peer_queues=2)
    far_end(near).mtu = 9000
    assert refusal(near.attach, loaded.programs["marks_queue"]) == "ERANGE"


def test_each_queue_has_statistics(lab: Lab) -> None:
    near = lab.veth("near", "far", queues=2, peer_queues=3)
    assert len(near.statistics) == 1 + 2 * 7 + 2 * 2
    assert len(far_end(near).statistics) == 1 + 3 * 7 + 3 * 2
    assert list(near.statistics)[-1] == "tx_queue_1_xdp_xmit_errors"


def test_a_test_run_may_name_a_queue_that_the_device_has(lab: Lab, loaded: LoadedObject) -> None:
    near, program = lab.veth("near", "far", queues=2), loaded.programs["marks_queue"]
    run = program.test_run(FRAME, near, context={"data_end": 60, "rx_queue_index": 1})
    assert run.data[14] == 1
    context = {"data_end": 60, "rx_queue_index": 2}
    assert refusal(program.test_run, FRAME, near, context=context) == "EINVAL"


def test_the_events_are_those_of_one_queue(lab: Lab, loaded: LoadedObject) -> None:
    eth0, near = lab.tap("eth0"), lab.veth("near", "far", queues=2)
    far_end(near).attach(loaded.programs["marks_queue"])
    loaded.maps["ports"].update(0, near)
    eth0.attach(loaded.programs["to_port"])
    assert told(eth0.receive(FRAME)) == [
        "xdp_redirect eth0 -> near map ports[0]",
        "xdp_devmap_xmit eth0 -> near sent 1 drops 0",
    ]
