# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The owner of a map: the first program that used it or was put into it sets a standard.

Mirrors ``kernel/bpf/core.c``: ``__bpf_prog_map_compatible``, ``bpf_check_tail_call``.
"""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.uapi import MapType

if TYPE_CHECKING:
    from spec.maps.element import ModelMap
    from spec.program import ModelProgram

OWNED_BY_USERS = (
    MapType.BPF_MAP_TYPE_PROG_ARRAY,
    MapType.BPF_MAP_TYPE_DEVMAP,
    MapType.BPF_MAP_TYPE_CPUMAP,
)
"""Types whose owner may also be a program that merely uses them; DEVMAP_HASH is not among them."""


def admits(map: ModelMap, program: ModelProgram) -> bool:
    """Whether *program* may be put into *map*: it is not bound to a device and like the owner."""
    return program.bound_to is None and _is_like_owner(map, program)


def check_used_maps(program: ModelProgram) -> None:
    """Refuse to load *program* where a map that it uses belongs to another kind of program."""
    for map in program.maps:
        if map.type not in OWNED_BY_USERS:
            continue
        if program.bound_to is not None and not map.release.has("bound_programs_redirect"):
            raise KernelError(EINVAL)
        if not _is_like_owner(map, program):
            raise KernelError(EINVAL)


def _is_like_owner(map: ModelMap, program: ModelProgram) -> bool:
    """The first program becomes the owner.

    The owner stays until the map is freed, even after its entry is gone.
    """
    if not map.release.has("frags"):
        return True
    traits = _traits(map, program)
    if map.owner is None:
        map.owner = traits
    return bool(map.owner == traits)


def _traits(map: ModelMap, program: ModelProgram) -> tuple[bool, int]:
    compared = map.type == MapType.BPF_MAP_TYPE_PROG_ARRAY and map.release.has(
        "prog_array_attach_type"
    )
    return program.has_frags, program.attach_type if compared else 0
