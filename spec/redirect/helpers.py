# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The two redirect helpers, and the state in which they leave their wish.

Mirrors ``net/core/filter.c: bpf_xdp_redirect, bpf_xdp_redirect_map`` and
``include/linux/filter.h: struct bpf_redirect_info, __bpf_xdp_redirect_map``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from spec.uapi import BPF_F_BROADCAST, NO_MAP_ID, MapType, Verdict

_U32 = 0xFFFFFFFF
_ABORTED, _REDIRECT = int(Verdict.XDP_ABORTED), int(Verdict.XDP_REDIRECT)
_FALLBACK = int(Verdict.XDP_TX)
"""The flag bits that say what to return on a miss."""


class NoMap(NamedTuple):
    """Stands in the redirect state where a map would (``BPF_MAP_TYPE_UNSPEC``)."""

    id: int
    type: MapType | None = None


NOTHING = NoMap(0)
"""Nobody asked for anything."""
BY_IFINDEX = NoMap(NO_MAP_ID)
"""The target is the device whose ifindex is ``tgt_index``."""


class RedirectState:
    """What the last helper call asked for; ``xdp_do_redirect()`` consumes it.

    ``map`` is the map that was asked, ``NOTHING`` or ``BY_IFINDEX``; ``tgt_value`` the entry that
    was found in it. Before ``redirect_state_names_map`` nothing was not told from ifindex 0.
    """

    __slots__ = ("flags", "map", "names_map", "nothing", "tgt_index", "tgt_value")

    def __init__(self, names_map: bool) -> None:
        self.names_map = names_map
        self.nothing = NOTHING if names_map else BY_IFINDEX
        self.flags = 0
        self.tgt_value: Any = None
        self.map: Any = self.nothing
        self.tgt_index = 0

    def consume(self) -> None:
        """The wish is being carried out; target index and value stay behind."""
        self.map = self.nothing
        if not self.names_map:
            self.tgt_index = 0

    def redirect(self, ifindex: int, flags: int) -> int:
        """``bpf_redirect()``: no flags exist; whether the device does is seen later."""
        if flags:
            return _ABORTED
        self.tgt_index = ifindex & _U32
        self.map = BY_IFINDEX
        return _REDIRECT

    def redirect_map(self, map: Any, key: int, flags: int) -> int:
        """``bpf_redirect_map()``: the low two bits of *flags* are the verdict of a miss.

        A broadcast never misses. Unknown flags leave the state as it was.
        """
        if flags and flags & ~map.redirect_flags:
            return _ABORTED
        key &= _U32
        entry = self.tgt_value = map.get(key)
        if entry is None and not flags & BPF_F_BROADCAST:
            self.map = BY_IFINDEX
            return flags & _FALLBACK
        self.tgt_index = key
        self.map = map
        self.flags = flags
        return _REDIRECT
