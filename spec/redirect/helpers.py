# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The two redirect helpers, and the state in which they leave their wish.

Mirrors ``net/core/filter.c: bpf_xdp_redirect, bpf_xdp_redirect_map`` and
``include/linux/filter.h: struct bpf_redirect_info, __bpf_xdp_redirect_map``.
"""

from __future__ import annotations

from typing import Any

from spec.uapi import BPF_F_BROADCAST, NO_MAP_ID, MapType, Verdict

_U32 = 0xFFFFFFFF
_ABORTED, _REDIRECT = int(Verdict.XDP_ABORTED), int(Verdict.XDP_REDIRECT)
_FALLBACK = int(Verdict.XDP_TX)
"""The flag bits that say what to return on a miss."""


class RedirectState:
    """What the last helper call asked for; ``xdp_do_redirect()`` consumes it.

    ``map_type`` is ``None`` for ``BPF_MAP_TYPE_UNSPEC``. An ifindex as target has ``map_id``
    ``NO_MAP_ID``; a state in which nothing was asked for has ``map_id`` 0. Before
    ``redirect_state_names_map`` the two were not told apart: nothing meant ifindex 0.
    """

    __slots__ = (
        "_no_map_id", "flags", "map", "map_id", "map_type", "names_map", "tgt_index", "tgt_value",
    )  # fmt: skip

    def __init__(self, names_map: bool) -> None:
        self.names_map = names_map
        self._no_map_id = 0 if names_map else NO_MAP_ID
        self.reset()

    def reset(self) -> None:
        """Nothing was ever asked for."""
        self.tgt_index = 0
        self.tgt_value: Any = None
        self.map: Any = None
        self.flags = 0
        self.map_type: MapType | None = None
        self.map_id = self._no_map_id

    def consume(self) -> None:
        """The wish is being carried out; target index and value stay behind."""
        self.flags = 0
        self.map_type = None
        self.map_id = self._no_map_id
        if not self.names_map:
            self.tgt_index = 0

    def redirect(self, ifindex: int, flags: int) -> int:
        """``bpf_redirect()``: no flags exist; whether the device does is seen later."""
        if flags:
            return _ABORTED
        self.tgt_index = ifindex & _U32
        self.map_id = NO_MAP_ID
        self.map_type = None
        return _REDIRECT

    def redirect_map(self, map: Any, key: int, flags: int) -> int:
        """``bpf_redirect_map()``: the low two bits of *flags* are the verdict of a miss.

        A broadcast never misses. Unknown flags leave the state as it was.
        """
        if flags & ~map.redirect_flags:
            return _ABORTED
        entry = map.get(key & _U32)
        self.tgt_value = entry
        broadcast = flags & BPF_F_BROADCAST
        if entry is None and not broadcast:
            self.map_id = NO_MAP_ID
            self.map_type = None
            return flags & _FALLBACK
        self.tgt_index = key
        self.map_id = map.id
        self.map_type = map.type
        if broadcast:
            self.map, self.flags = map, flags
        else:
            self.map, self.flags = None, 0
        return _REDIRECT
