# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Refuses calls of helpers that do not exist, or not for these arguments and maps.

Mirrors ``kernel/bpf/verifier.c: check_helper_call, record_func_map,
check_map_func_compatibility``.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import EACCES, EINVAL

from spec.errors import InputError
from spec.machine.helpers import HELPERS, TAIL_CALL, Helper
from spec.machine.host import ProgramMap
from spec.machine.kinds import CONTEXT, MAP, UNKNOWN, UNSET, State
from spec.machine.program import ProgramCode
from spec.machine.refusal import refused
from spec.uapi import BPF_F_RDONLY_PROG, MAPS_OF_MAPS, MapType

LAST_HELPER = 211

LOOKUP, UPDATE, DELETE = 1, 2, 3

REDIRECT_MAPS = (
    MapType.BPF_MAP_TYPE_DEVMAP,
    MapType.BPF_MAP_TYPE_DEVMAP_HASH,
    MapType.BPF_MAP_TYPE_CPUMAP,
    MapType.BPF_MAP_TYPE_XSKMAP,
)

DEVICE_MAPS = REDIRECT_MAPS[:2]

PER_CPU_MAPS = (
    MapType.BPF_MAP_TYPE_PERCPU_HASH,
    MapType.BPF_MAP_TYPE_PERCPU_ARRAY,
    MapType.BPF_MAP_TYPE_LRU_PERCPU_HASH,
)

_OPAQUE = (
    MapType.BPF_MAP_TYPE_CPUMAP,
    MapType.BPF_MAP_TYPE_PROG_ARRAY,
    MapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
)

_ONLY: dict[int, tuple[MapType, ...]] = {
    25: (MapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY,),
    51: REDIRECT_MAPS,
    195: PER_CPU_MAPS,
    **dict.fromkeys((130, 131, 134), (MapType.BPF_MAP_TYPE_RINGBUF,)),
}
"""Helpers that take maps of certain types only."""

_NEVER: dict[int, tuple[MapType, ...]] = {
    LOOKUP: _OPAQUE,
    **dict.fromkeys((UPDATE, DELETE), (*_OPAQUE, *MAPS_OF_MAPS, MapType.BPF_MAP_TYPE_XSKMAP)),
}
"""Helpers that take maps of all but certain types."""

_GPL = (
    "GPL",
    "GPL v2",
    "GPL and additional rights",
    "Dual BSD/GPL",
    "Dual MIT/GPL",
    "Dual MPL/GPL",
)
"""``include/linux/license.h: license_is_gpl_compatible``."""


def check_call(
    program: ProgramCode,
    maps: Mapping[str, ProgramMap],
    release: str,
    index: int,
    state: State,
) -> None:
    """Raise what the verifier says about the helper call at *index*."""
    number = program.code[index].imm
    helper = _helper(program, index, number, release)
    if helper.gpl_only and program.license not in _GPL:
        reason = "cannot call GPL-restricted function from non-GPL compatible program"
        raise refused(EINVAL, reason, program, index)
    _check_arguments(program, index, helper, state)
    arguments = state.registers[1 : 1 + len(helper.arguments)]
    if any(content.kind == UNKNOWN for content in arguments):
        return  # one may not be readable, and that comes first
    for content in arguments:
        if content.kind == MAP:
            _check_map(program, index, number, maps[content.map])


def _helper(program: ProgramCode, index: int, number: int, release: str) -> Helper:
    helper = HELPERS.get(number)
    asked = tuple(int(part) for part in release.split(".")[:2])
    if index in program.absent:
        what = f"kernel function {program.absent[index]}"
        raise _missing(program, index, what, "ask whether it is there, or do without")
    if not 0 <= number <= LAST_HELPER or (helper is not None and helper.since > asked):
        raise refused(EINVAL, f"invalid func unknown#{number}", program, index)
    if helper is None:
        remedy = "use one of those listed in spec/machine/helpers.py"
        raise _missing(program, index, f"helper {number}", remedy)
    return helper


def _missing(program: ProgramCode, index: int, what: str, remedy: str) -> InputError:
    line = program.lines.get(index)
    place = f"{line.file}:{line.number}" if line else f"{program.place}: {program.name}"
    return InputError(place, f"calls {what}, which the machine does not have", remedy)


def _check_arguments(program: ProgramCode, index: int, helper: Helper, state: State) -> None:
    for number, letter in enumerate(helper.arguments, 1):
        content = state.registers[number]
        if content.kind == UNSET:
            raise refused(EACCES, f"R{number} !read_ok", program, index)
        expected = {"c": CONTEXT, "m": MAP}.get(letter)
        if expected is None or content.kind in (UNKNOWN, expected):
            continue
        reason = f"R{number} type={content.type_name} expected={expected}"
        raise refused(EACCES, reason, program, index)


def _check_map(program: ProgramCode, index: int, number: int, map: ProgramMap) -> None:
    if map.type == MapType.BPF_MAP_TYPE_RINGBUF and number in (LOOKUP, UPDATE, DELETE):
        raise refused(EACCES, "invalid zero-sized read", program, index)
    if number in (UPDATE, DELETE) and is_read_only(map):
        raise refused(EACCES, "write into map forbidden", program, index)
    if number == TAIL_CALL:
        if map.type != MapType.BPF_MAP_TYPE_PROG_ARRAY:
            raise refused(EINVAL, "expected prog array map for tail call", program, index)
        return
    if map.type in _NEVER.get(number, ()) or map.type not in _ONLY.get(number, (map.type,)):
        name = f"{HELPERS[number].name}#{number}"
        reason = f"cannot pass map_type {int(map.type)} into func {name}"
        raise refused(EINVAL, reason, program, index)


def is_read_only(map: ProgramMap) -> bool:
    """Whether programs may not write: the kernel makes every DEVMAP so (``dev_map_init_map``)."""
    return map.type in DEVICE_MAPS or bool(getattr(map, "map_flags", 0) & BPF_F_RDONLY_PROG)
