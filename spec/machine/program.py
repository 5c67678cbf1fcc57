# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A program between reading and loading: linked instructions and what they refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from spec.machine.instruction import Instruction
from spec.machine.line_info import Line
from spec.uapi import BPF_XDP_CPUMAP, BPF_XDP_DEVMAP

SECTIONS = {
    "xdp": (0, False),
    "xdp.frags": (0, True),
    "xdp/devmap": (BPF_XDP_DEVMAP, False),
    "xdp.frags/devmap": (BPF_XDP_DEVMAP, True),
    "xdp/cpumap": (BPF_XDP_CPUMAP, False),
    "xdp.frags/cpumap": (BPF_XDP_CPUMAP, True),
}
"""Section names of programs: expected attach type (0: none asked for), multi-buffer support."""

_OTHERS = """
    action cgroup cgroup_skb classifier fentry fexit flow_dissector fmod_ret freplace iter kprobe
    kretprobe kretsyscall ksyscall lirc_mode2 lsm lsm_cgroup lwt_in lwt_out lwt_seg6local lwt_xmit
    netfilter netkit perf_event raw_tp raw_tracepoint sk_lookup sk_msg sk_reuseport sk_skb socket
    sockops struct_ops syscall tc tcx tp tp_btf tracepoint uprobe uretprobe usdt
"""

OTHER_TYPES = frozenset(_OTHERS.split())
"""How the sections of programs of other types begin (``tools/lib/bpf/libbpf.c: section_defs``)."""


class Reference(NamedTuple):
    """What a ``LOAD_IMMEDIATE`` refers to: a map, or (``offset`` not None) a byte of its value."""

    map: str
    offset: int | None


class Function(NamedTuple):
    """A function of the linked program: its name and the index of its first instruction."""

    name: str
    start: int


@dataclass(frozen=True)
class ProgramCode:
    """One program with every function it calls, ready to be checked and run.

    ``code`` starts with the program itself; calls between functions are resolved. ``references``
    and ``lines`` are keyed by instruction index. ``attach_type`` is 0, ``BPF_XDP_DEVMAP`` or
    ``BPF_XDP_CPUMAP``. ``absent`` are calls of kernel functions by name.
    """

    name: str
    section: str
    attach_type: int
    has_frags: bool
    code: tuple[Instruction, ...]
    references: Mapping[int, Reference]
    lines: Mapping[int, Line]
    functions: tuple[Function, ...]
    license: str = "GPL"
    absent: Mapping[int, str] = field(default_factory=dict)
    order: str = "<"
    place: str = ""

    def end_of(self, start: int) -> int:
        """Index after the last instruction of the function that begins at *start*."""
        later = [function.start for function in self.functions if function.start > start]
        return min(later, default=len(self.code))
