# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a process must be allowed to do before it may create a map or load a program.

Mirrors ``kernel/bpf/syscall.c: map_create, bpf_prog_load`` with the sysctl
``kernel.unprivileged_bpf_disabled`` set, as distributions set it.
"""

from __future__ import annotations

from errno import EPERM
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.uapi import MapType

if TYPE_CHECKING:
    from spec.model import ModelLab

ALL = frozenset({"CAP_BPF", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"})

OF_THE_NETWORK = (
    MapType.BPF_MAP_TYPE_DEVMAP,
    MapType.BPF_MAP_TYPE_DEVMAP_HASH,
    MapType.BPF_MAP_TYPE_XSKMAP,
)
"""Types that take ``CAP_NET_ADMIN`` as well; CPUMAP is not among them."""


def check_create(lab: ModelLab, type: MapType) -> None:
    """``EPERM`` where the process of *lab* may not create a map of *type*."""
    _need(lab, "CAP_BPF")
    if type in OF_THE_NETWORK:
        _need(lab, "CAP_NET_ADMIN")


def check_load(lab: ModelLab) -> None:
    """``EPERM`` where the process of *lab* may not load an XDP program."""
    _need(lab, "CAP_BPF")
    _need(lab, "CAP_NET_ADMIN")


def check_freeze(lab: ModelLab) -> None:
    """``EPERM`` where the process of *lab* may not freeze a map, which took a capability once."""
    _need(lab, "CAP_BPF")


def _need(lab: ModelLab, name: str) -> None:
    """``CAP_SYS_ADMIN`` stands for either of the others."""
    if not lab.capabilities & {name, "CAP_SYS_ADMIN"}:
        raise KernelError(EPERM)
