# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Constants and layouts of the kernel's user-space interface, in their own spelling.

Mirrors ``include/uapi/linux/bpf.h`` and ``include/uapi/linux/if_link.h``.
"""

from __future__ import annotations

from enum import IntEnum


class Verdict(IntEnum):
    """What an XDP program returns (``enum xdp_action``); prints as its UAPI name."""

    XDP_ABORTED = 0
    XDP_DROP = 1
    XDP_PASS = 2
    XDP_TX = 3
    XDP_REDIRECT = 4

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT = Verdict


def verdict(value: int) -> Verdict | int:
    """*value* as a ``Verdict``, or unchanged where XDP defines no such action."""
    return Verdict(value) if value in tuple(Verdict) else value


class MapType(IntEnum):
    """Map types that XDP programs use (``enum bpf_map_type``)."""

    BPF_MAP_TYPE_HASH = 1
    BPF_MAP_TYPE_ARRAY = 2
    BPF_MAP_TYPE_PROG_ARRAY = 3
    BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4
    BPF_MAP_TYPE_PERCPU_HASH = 5
    BPF_MAP_TYPE_PERCPU_ARRAY = 6
    BPF_MAP_TYPE_LRU_HASH = 9
    BPF_MAP_TYPE_LRU_PERCPU_HASH = 10
    BPF_MAP_TYPE_LPM_TRIE = 11
    BPF_MAP_TYPE_ARRAY_OF_MAPS = 12
    BPF_MAP_TYPE_HASH_OF_MAPS = 13
    BPF_MAP_TYPE_DEVMAP = 14
    BPF_MAP_TYPE_CPUMAP = 16
    BPF_MAP_TYPE_XSKMAP = 17
    BPF_MAP_TYPE_DEVMAP_HASH = 25
    BPF_MAP_TYPE_RINGBUF = 27

    @classmethod
    def named(cls, name: str | int) -> MapType:
        """``"devmap"``, ``"BPF_MAP_TYPE_DEVMAP"`` or ``14`` as a member, else ``ValueError``."""
        if isinstance(name, int):
            return cls(name)
        spelling = name.upper()
        if not spelling.startswith("BPF_MAP_TYPE_"):
            spelling = f"BPF_MAP_TYPE_{spelling}"
        try:
            return cls[spelling]
        except KeyError:
            raise ValueError(f"unknown map type {name!r}") from None

    @property
    def short(self) -> str:
        """The name without its prefix, in lower case: ``devmap_hash``."""
        return self.name.removeprefix("BPF_MAP_TYPE_").lower()


MAPS_OF_MAPS = (MapType.BPF_MAP_TYPE_ARRAY_OF_MAPS, MapType.BPF_MAP_TYPE_HASH_OF_MAPS)


BPF_ANY, BPF_NOEXIST, BPF_EXIST, BPF_F_LOCK = 0, 1, 2, 4

BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS = 1 << 3, 1 << 4

BPF_F_NO_PREALLOC = 1 << 0
BPF_F_NUMA_NODE = 1 << 2
BPF_F_RDONLY, BPF_F_WRONLY = 1 << 3, 1 << 4
BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG = 1 << 7, 1 << 8

BPF_XDP_DEVMAP, BPF_XDP_CPUMAP, BPF_XDP = 33, 35, 37

BPF_F_XDP_HAS_FRAGS, BPF_F_XDP_DEV_BOUND_ONLY = 1 << 5, 1 << 6
BPF_F_TEST_XDP_LIVE_FRAMES = 1 << 1

XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE, XDP_FLAGS_HW_MODE = 1 << 1, 1 << 2, 1 << 3

BPF_PROG_TYPE_XDP = 6

NO_MAP_ID = 0x7FFFFFFF
"""``map_id`` of a redirect made by ``bpf_redirect()``: ``INT_MAX``, no map has it."""

PAGE_NAMES = {
    name: value
    for name, value in list(globals().items())
    if name.startswith(("XDP_", "BPF_")) and isinstance(value, int)
}
"""What a page and a test script may write without an import."""
