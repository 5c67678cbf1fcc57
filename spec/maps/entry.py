# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An entry of a map of devices: the device, and perhaps a program that runs before it transmits.

Mirrors ``kernel/bpf/devmap.c``: ``struct bpf_dtab_netdev``, ``__dev_map_alloc_node``.
"""

from __future__ import annotations

import sys
from errno import EINVAL
from typing import TYPE_CHECKING, TypeAlias

from spec.errors import KernelError
from spec.maps.element import number, signed
from spec.maps.owner import admits
from spec.uapi import BPF_XDP_DEVMAP

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.maps.devmap import Devmap
    from spec.maps.devmap_hash import DevmapHash
    from spec.program import ModelProgram


class DeviceEntry:
    """Where a redirected frame goes; ``value`` is what a lookup shows.

    Never changes: elements with the same device and program have one entry between them.
    """

    __slots__ = ("device", "program", "value")

    def __init__(self, device: ModelDevice, program: ModelProgram | None, value: bytes) -> None:
        self.device = device
        self.program = program
        self.value = value


Made: TypeAlias = dict[tuple["ModelDevice", "ModelProgram | None"], DeviceEntry]
"""The entries that a map has made so far."""


def make_entry(map: Devmap | DevmapHash, value: bytes) -> DeviceEntry:
    """The entry for ``struct bpf_devmap_val`` *value*; whatever is wrong with it is ``EINVAL``.

    The ifindex counts in the namespace of the caller. ``bpf_prog.fd`` names a program only if
    positive, and reads back as the program's id.
    """
    device = map.lab.caller.find(number(value))
    if device is None:
        raise KernelError(EINVAL)
    program = None
    fd = signed(value[4:8])
    if fd > 0:
        program = map.lab.program_of(fd)
        if program is None or program.attach_type != BPF_XDP_DEVMAP or not admits(map, program):
            raise KernelError(EINVAL)
    made = map.made.get((device, program))
    if made is None:
        prog_id = program.id if program else 0
        stored = value[:4] + prog_id.to_bytes(4, sys.byteorder)
        made = map.made[device, program] = DeviceEntry(device, program, stored[: map.value_size])
    return made
