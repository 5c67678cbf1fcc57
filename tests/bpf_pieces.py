# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Pieces of BPF objects: what every one begins with, maps, and programs of one line."""

from __future__ import annotations

INCLUDES = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";
"""

DEVMAP, DEVMAP_HASH = "BPF_MAP_TYPE_DEVMAP", "BPF_MAP_TYPE_DEVMAP_HASH"
CPUMAP, XSKMAP = "BPF_MAP_TYPE_CPUMAP", "BPF_MAP_TYPE_XSKMAP"
REDIRECT_MAPS = (DEVMAP, DEVMAP_HASH, CPUMAP, XSKMAP)


def map_of(type: str, name: str = "targets", value: str = "__u32", entries: int = 4) -> str:
    """The declaration of a map with 32-bit keys."""
    return f"""
struct {{
    __uint(type, {type});
    __type(key, __u32);
    __type(value, {value});
    __uint(max_entries, {entries});
}} {name} SEC(".maps");
"""


def program(body: str, section: str = "xdp", name: str = "asked") -> str:
    """An XDP program whose function consists of *body*; ``ctx`` is its argument."""
    return f'SEC("{section}") int {name}(struct xdp_md *ctx) {{ {body} }}\n'


def passing(section: str, name: str) -> str:
    """A program that passes every frame."""
    return program("return XDP_PASS;", section, name)


OLD_ENTRIES = (
    INCLUDES
    + passing("xdp", "plain")
    + passing("xdp/devmap", "for_devmap")
    + passing("xdp/cpumap", "for_cpumap")
)
"""Programs of every kind that a map could be asked to hold until 5.17, and no map."""

ENTRIES = (
    OLD_ENTRIES
    + passing("xdp.frags/devmap", "for_devmap_with_frags")
    + passing("xdp.frags/cpumap", "for_cpumap_with_frags")
)
"""Programs of every kind that a map may be asked to hold, and no map."""
