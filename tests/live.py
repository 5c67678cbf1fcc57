# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The live kernel for tests: a lab, or a skip that says what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

import kernel_impl
from spec.testing.compiler import compile_bpf
from tests.bpf_pieces import DEVMAP, INCLUDES, map_of

FRAME = b"\xff" * 6 + b"\x02" * 6 + b"\x88\xb5" + bytes(46)

PROGRAMS = (
    INCLUDES
    + map_of(DEVMAP, "ports", "struct bpf_devmap_val", entries=8)
    + """
int counted;

SEC("xdp") int forward(struct xdp_md *ctx) { return bpf_redirect_map(&ports, 0, 0); }
SEC("xdp") int flood(struct xdp_md *ctx)
{
    return bpf_redirect_map(&ports, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
}
SEC("xdp") int pass(struct xdp_md *ctx) { counted++; return XDP_PASS; }
SEC("xdp") int drop(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp") int abort_it(struct xdp_md *ctx) { return XDP_ABORTED; }
SEC("xdp") int send_back(struct xdp_md *ctx) { return XDP_TX; }
SEC("xdp/devmap") int at_egress(struct xdp_md *ctx) { return XDP_PASS; }
"""
)

REFUSED = (
    INCLUDES
    + map_of(DEVMAP, "ports", entries=8)
    + """
SEC("xdp") int fine(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int writes(struct xdp_md *ctx)
{
    __u32 key = 0, ifindex = 1;
    return bpf_map_update_elem(&ports, &key, &ifindex, BPF_ANY);
}
"""
)


@cache
def what_is_missing() -> str | None:
    return kernel_impl.missing()


def need_kernel() -> None:
    """Skip the test where the live kernel can't be asked."""
    reason = what_is_missing()
    if reason:
        pytest.skip(reason)


@contextmanager
def live_lab() -> Iterator[kernel_impl.KernelLab]:
    """A lab on the running kernel, closed in the end."""
    need_kernel()
    with kernel_impl.KernelLab() as lab:
        yield lab


def programs() -> Path:
    """An object with one program for each verdict, and the map ``ports``."""
    return compile_bpf(PROGRAMS, "live")


def refused() -> Path:
    """An object with a program that the verifier refuses."""
    return compile_bpf(REFUSED, "refused")
