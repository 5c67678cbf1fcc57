# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``BPF_MAP_CREATE``: which class a type of map has, and what is checked for all of them.

Mirrors ``kernel/bpf/syscall.c: map_create``.
"""

from __future__ import annotations

import re
from errno import EINVAL
from typing import TYPE_CHECKING

from spec.capabilities import check_create
from spec.errors import ENOTSUPP, KernelError
from spec.maps.cpumap import Cpumap
from spec.maps.devmap import Devmap
from spec.maps.devmap_hash import DevmapHash
from spec.maps.element import Definition, ModelMap
from spec.maps.xskmap import Xskmap
from spec.uapi import BPF_F_RDONLY, BPF_F_WRONLY, MapType

if TYPE_CHECKING:
    from spec.model import ModelLab

NAME_LENGTH = 15

REDIRECT_MAPS: dict[MapType, type[ModelMap]] = {
    MapType.BPF_MAP_TYPE_DEVMAP: Devmap,
    MapType.BPF_MAP_TYPE_DEVMAP_HASH: DevmapHash,
    MapType.BPF_MAP_TYPE_CPUMAP: Cpumap,
    MapType.BPF_MAP_TYPE_XSKMAP: Xskmap,
}


def create_map(lab: ModelLab, definition: Definition) -> ModelMap:
    """A new map of *definition*, or the kernel's refusal.

    Access flags come first, then the type, then what the process may do, then what the type says,
    then the name and the types of key and value. Maps of devices have a say before the process's
    capabilities are looked at.
    """
    has = lab.release_table.has
    if not has("create_checks_capabilities"):
        check_create(lab, definition.type)
    both = BPF_F_RDONLY | BPF_F_WRONLY
    if definition.map_flags & both == both:
        raise KernelError(EINVAL)
    kind = REDIRECT_MAPS.get(definition.type)
    if kind is not None and has("devices_checked_before_capabilities"):
        kind.check_attributes(definition)
    check_create(lab, definition.type)
    if kind is None:
        return _ordinary_map(lab, definition)
    kind.check_definition(lab, definition)
    _check_name(definition.name)
    _check_types(definition)
    return kind(lab, definition)


def _ordinary_map(lab: ModelLab, definition: Definition) -> ModelMap:
    from spec.maps.ordinary_map import create_ordinary_map

    return create_ordinary_map(lab, definition)


def _check_types(definition: Definition) -> None:
    """``map_check_btf``: types that fit are as unwelcome as those that do not."""
    if definition.type_sizes is None:
        return
    fit = definition.type_sizes == (definition.key_size, definition.value_size)
    raise KernelError(ENOTSUPP if fit else EINVAL)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_.]*", name):
        raise KernelError(EINVAL)
