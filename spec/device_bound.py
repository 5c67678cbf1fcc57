# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs that are bound to a device, so that they may ask for its metadata.

Mirrors ``kernel/bpf/offload.c: bpf_prog_dev_bound_init, bpf_offload_dev_match``. A program is
bound by ``BPF_F_XDP_DEV_BOUND_ONLY`` and an ifindex when it is loaded.
"""

from __future__ import annotations

from errno import EINVAL, EOPNOTSUPP
from typing import TYPE_CHECKING

from spec.errors import KernelError

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.model import ModelLab
    from spec.program import ModelProgram


def check_load(lab: ModelLab, device: ModelDevice) -> None:
    """``EINVAL`` where *device* is not in the namespace, ``EOPNOTSUPP`` without native XDP."""
    if not lab.release_table.has("bound_programs"):
        raise KernelError(EINVAL)
    if lab.root.find(device.ifindex) is not device:
        raise KernelError(EINVAL)
    if not device.native:
        raise KernelError(EOPNOTSUPP)


def check_attach(device: ModelDevice, program: ModelProgram, mode: str) -> None:
    """``EINVAL`` for another device and for generic mode.

    Devices are told apart by the offload hardware behind them. Those that programs are bound to,
    and that have none, count as the same.
    """
    if program.bound_to is None:
        return
    if device is not program.bound_to and not _has_bound_programs(device):
        raise KernelError(EINVAL, "Program bound to different device")
    if mode == "generic":
        raise KernelError(EINVAL, "Can't attach device-bound programs in generic mode")


def _has_bound_programs(device: ModelDevice) -> bool:
    programs = (each for each in device.lab.bound_programs if each.bound_to is device)
    return any(device.lab.holds(each) or device.native_program is each for each in programs)
