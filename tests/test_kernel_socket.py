# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""AF_XDP sockets of the live lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec.errors import InputError, KernelError
from spec.testing.compiler import compile_bpf
from tests.live import FRAME, live_lab

pytestmark = pytest.mark.kernel


def to_socket() -> Path:
    return compile_bpf(
        """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct { __uint(type, BPF_MAP_TYPE_XSKMAP); __type(key, __u32); __type(value, __u32);
                 __uint(max_entries, 4); } sockets SEC(".maps");
        SEC("xdp") int to_socket(struct xdp_md *ctx)
        {
            return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_DROP);
        }
        char _license[] SEC("license") = "GPL";
        """,
        "to_socket",
    )


def test_a_bound_socket_receives_until_its_buffers_are_used_up() -> None:
    with live_lab() as lab, lab.load(to_socket()) as loaded:
        eth0, socket = lab.tap("eth0"), lab.socket(ring=8, fill=2)
        eth0.attach(loaded.programs["to_socket"])
        socket.bind(eth0)
        loaded.maps["sockets"].update(0, socket)
        assert repr(eth0.receive(FRAME)) == "xdp_redirect  eth0 -> 0  map sockets[0]"
        assert socket.received == [FRAME]
        eth0.receive(FRAME, FRAME)
        assert socket.received == [FRAME]
        assert socket.statistics["rx_dropped"] == 1
        socket.fill(8)
        for _ in range(30):
            eth0.receive(FRAME)
            assert socket.received == [FRAME]
            socket.fill(1)


def test_a_socket_that_is_not_bound_receives_nothing() -> None:
    with live_lab() as lab, lab.load(to_socket()) as loaded:
        eth0, socket = lab.tap("eth0"), lab.socket()
        eth0.attach(loaded.programs["to_socket"])
        loaded.maps["sockets"].update(0, socket)
        events = repr(eth0.receive(FRAME))
        assert events == "xdp_redirect_err  eth0 -> 0  map sockets[0]  err ENXIO"
        assert socket.received == []


def test_refusals_are_the_kernels() -> None:
    with live_lab() as lab:
        eth0, socket = lab.tap("eth0"), lab.socket(ring=8, fill=8)
        with pytest.raises(KernelError, match=r"^EINVAL$"):
            socket.bind(eth0, queue=7)
        with pytest.raises(InputError, match="at most 0 now"):
            socket.fill(1)
