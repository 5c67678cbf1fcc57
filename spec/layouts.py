# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Layouts that user space sees: structures of the interface, fields of the tracepoints.

Mirrors ``include/uapi/linux/bpf.h`` and ``include/trace/events/xdp.h``.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import ENOENT

from spec.errors import KernelError
from spec.lab import Field
from spec.release import Release
from spec.trace import EVENT_TYPES

_STRUCTURES = {
    "bpf_devmap_val": (
        Field("ifindex", 0, 4),
        Field("bpf_prog.fd", 4, 4),
        Field("bpf_prog.id", 4, 4),
    ),
    "bpf_cpumap_val": (
        Field("qsize", 0, 4),
        Field("bpf_prog.fd", 4, 4),
        Field("bpf_prog.id", 4, 4),
    ),
    "xdp_md": (
        Field("data", 0, 4),
        Field("data_end", 4, 4),
        Field("data_meta", 8, 4),
        Field("ingress_ifindex", 12, 4),
        Field("rx_queue_index", 16, 4),
        Field("egress_ifindex", 20, 4),
    ),
}

_SILENT = ("xdp_redirect_map", "xdp_redirect_map_err")


def structure(release: Release, name: str) -> tuple[Field, ...]:  # noqa: ARG001
    """Members of ``struct name``, those of unions by dotted path; ``ENOENT`` if unknown.

    Offsets and sizes are bytes, and the same in every release that is modelled.
    """
    if name not in _STRUCTURES:
        raise KernelError(ENOENT, f"no struct {name}")
    return _STRUCTURES[name]


def tracepoints(release: Release) -> Mapping[str, tuple[str, ...]]:
    """Names of the tracepoints about frames, each with the names of its own fields."""
    points = {name: kind.fields for name, kind in EVENT_TYPES.items()}
    if not release.has("map_tracepoints_removed"):
        points |= dict.fromkeys(_SILENT, points["xdp_redirect"])
    return dict(sorted(points.items()))
