# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Attaching programs to devices.

Mirrors ``net/core/dev.c: dev_xdp_attach, generic_xdp_install``.
"""

from __future__ import annotations

from errno import EEXIST, EINVAL, EOPNOTSUPP
from typing import TYPE_CHECKING

from spec import device_bound
from spec.errors import InputError, KernelError
from spec.uapi import BPF_XDP_CPUMAP, BPF_XDP_DEVMAP, MapType

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.program import ModelProgram

MODES = ("native", "generic")
NO_NATIVE = "Underlying driver does not support XDP in native mode"


def attach(device: ModelDevice, program: ModelProgram, mode: str) -> None:
    """Put *program* where *mode* says, replacing its predecessor.

    Checked in this order: upper devices, the other mode, the device that the program is bound to,
    the program's attach type, the driver; since ``driver_before_program`` the driver comes second.
    """
    if mode not in MODES:
        raise InputError(f"device {device.name}", f"no mode {mode!r}", "use native or generic")
    if any(upper.native_program or upper.generic_program for upper in device.uppers):
        raise KernelError(EEXIST, "Cannot attach when an upper device already has a program")
    refused = mode == "native" and not device.native
    if refused and device.release.has("driver_before_program"):
        raise KernelError(EOPNOTSUPP, NO_NATIVE)
    other = device.generic_program if mode == "native" else device.native_program
    if other is not None:
        raise KernelError(EEXIST, "Native and generic XDP can't be active at the same time")
    device_bound.check_attach(device, program, mode)
    if program.attach_type == BPF_XDP_DEVMAP:
        raise KernelError(EINVAL, "BPF_XDP_DEVMAP programs can not be attached to a device")
    if program.attach_type == BPF_XDP_CPUMAP:
        raise KernelError(EINVAL, "BPF_XDP_CPUMAP programs can not be attached to a device")
    if mode == "generic":
        _check_generic(program)
        device.generic_program = program
        return
    if refused:
        raise KernelError(EOPNOTSUPP, NO_NATIVE)
    if program is not device.native_program:
        device.install(program)


def detach(device: ModelDevice) -> None:
    """Remove the program of either mode, if any."""
    device.generic_program = None
    if device.native_program is not None:
        device.install(None)


def _check_generic(program: ModelProgram) -> None:
    """Before ``generic_entry_program``: no maps whose entries might hold programs."""
    for map in program.maps:
        roomy = map.value_size == 8
        if map.type in (MapType.BPF_MAP_TYPE_DEVMAP, MapType.BPF_MAP_TYPE_DEVMAP_HASH):
            refused = roomy and not program.release.has("generic_entry_program")
        elif map.type == MapType.BPF_MAP_TYPE_CPUMAP:
            refused = roomy and not program.release.has("generic_cpumap")
        else:
            refused = False
        if refused:
            raise KernelError(EINVAL)
