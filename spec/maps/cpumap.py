# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""CPUMAP: an array of CPUs to redirect to.

Mirrors ``kernel/bpf/cpumap.c``. Keys are CPU numbers, values ``struct bpf_cpumap_val`` (8 bytes)
or a plain queue size (4 bytes).
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import E2BIG, EBADF, EEXIST, EINVAL, ENODEV, ENOMEM, EOVERFLOW
from typing import TYPE_CHECKING

from spec.devices.gro import Gro
from spec.errors import KernelError
from spec.maps.element import Definition, IndexedMap, missing, number, signed, word
from spec.maps.owner import admits
from spec.redirect.pointer_ring import PointerRing
from spec.uapi import (
    BPF_EXIST,
    BPF_F_NUMA_NODE,
    BPF_NOEXIST,
    BPF_XDP_CPUMAP,
    XDP_TX,
)

if TYPE_CHECKING:
    from spec.model import ModelLab
    from spec.program import ModelProgram
    from spec.redirect.cpu_queue import CpuBulk, Queued

MAX_QUEUE_SIZE = 16384


class CpuEntry:
    """Another CPU's queue of frames; ``value`` is what a lookup shows."""

    __slots__ = (
        "asleep",
        "bulks",
        "cpu",
        "gro",
        "map_id",
        "process_id",
        "program",
        "ring",
        "taken",
        "value",
    )

    def __init__(
        self, map: Cpumap, cpu: int, queue_size: int, program: ModelProgram | None
    ) -> None:
        self.map_id = map.id
        self.process_id = map.lab.new_process_id()
        self.cpu = cpu
        self.program = program
        self.asleep = True
        self.ring: PointerRing[Queued] = PointerRing(queue_size)
        self.bulks: dict[int, CpuBulk] = {}
        processor = map.lab.processors[cpu]
        self.gro = Gro(lambda device, frame: device.deliver(processor, frame))
        self.taken = 0
        value = word(queue_size) + word(program.id if program else 0)
        self.value = value[: map.value_size]


class Cpumap(IndexedMap):
    """An array of ``max_entries`` slots, each empty or a ``CpuEntry``."""

    redirect_flags = int(XDP_TX)

    def __init__(self, lab: ModelLab, definition: Definition) -> None:
        super().__init__(lab, definition)
        self.slots: dict[int, CpuEntry] = {}
        self.get = self.slots.get

    @staticmethod
    def check_definition(lab: ModelLab, definition: Definition) -> None:
        """``EINVAL`` for sizes and flags, ``E2BIG`` for more slots than ``NR_CPUS``."""
        if (
            definition.max_entries == 0
            or definition.key_size != 4
            or definition.value_size not in (4, 8)
            or definition.map_flags & ~BPF_F_NUMA_NODE
        ):
            raise KernelError(EINVAL)
        if definition.max_entries > lab.nr_cpus:
            raise KernelError(E2BIG)

    def update_element(self, key: bytes, value: bytes, flags: int) -> None:
        """``cpumap.c: cpu_map_update_elem``: a queue size of 0 clears the slot."""
        cpu, queue_size = number(key), number(value)
        if flags > BPF_EXIST:
            raise KernelError(EINVAL)
        if cpu >= self.max_entries:
            raise KernelError(E2BIG)
        if flags == BPF_NOEXIST:
            raise KernelError(EEXIST)
        if queue_size > MAX_QUEUE_SIZE:
            raise KernelError(EOVERFLOW)
        if cpu >= self.lab.cpus:
            raise KernelError(ENODEV)
        if queue_size == 0:
            self.slots.pop(cpu, None)
            return
        program = self._program(signed(value[4:8]))
        self.slots[cpu] = CpuEntry(self, cpu, queue_size, program)

    def lookup_element(self, key: bytes) -> bytes:
        """``cpumap.c: cpu_map_lookup_elem``."""
        entry = self.slots.get(number(key))
        if entry is None:
            raise missing()
        return entry.value

    def delete_element(self, key: bytes) -> None:
        """``cpumap.c: cpu_map_delete_elem``: an empty slot is fine, none at all is ``EINVAL``."""
        slot = number(key)
        if slot >= self.max_entries:
            raise KernelError(EINVAL)
        self.slots.pop(slot, None)

    @property
    def threads(self) -> Mapping[int, str]:
        """One for each entry, whose name says CPU and map."""
        return {
            entry.process_id: f"cpumap/{cpu}/map:{self.id}" for cpu, entry in self.slots.items()
        }

    def _program(self, fd: int) -> ModelProgram | None:
        """``cpumap.c: __cpu_map_load_bpf_program``."""
        if fd <= 0:
            return None
        says_why = self.release.has("cpumap_update_errno")
        program = self.lab.program_of(fd)
        if program is None:
            wrong_kind = self.lab.holds_fd(fd)
            raise KernelError((EINVAL if wrong_kind else EBADF) if says_why else ENOMEM)
        if program.attach_type != BPF_XDP_CPUMAP or not admits(self, program):
            raise KernelError(EINVAL if says_why else ENOMEM)
        return program
