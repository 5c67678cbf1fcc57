# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Loading an object file: its maps first, then each program with the maps that it uses."""

from __future__ import annotations

from errno import EINVAL
from os import PathLike
from typing import TYPE_CHECKING

from spec import device_bound
from spec.capabilities import check_load
from spec.errors import InputError, KernelError
from spec.lab import LoadedObject
from spec.machine import load, read_object
from spec.maps.element import Definition, ModelMap
from spec.program import ModelProgram
from spec.uapi import MapType

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.machine import ObjectFile, ProgramCode
    from spec.machine.map_definition import MapDefinition
    from spec.model import ModelLab


_TYPES = frozenset(MapType)


class ModelObject(LoadedObject):
    """The maps and programs of one file, or nothing at all where one of them is refused."""

    def __init__(
        self, lab: ModelLab, path: str | PathLike[str], bound_to: ModelDevice | None = None
    ) -> None:
        content = read_object(path)
        self._lab, self._bound_to = lab, bound_to
        self.maps: dict[str, ModelMap] = {}
        self.programs: dict[str, ModelProgram] = {}
        try:
            self._check_maps(content)
            self._create_maps(content)
            for code in content.programs:
                self.programs[code.name] = self._load_program(code)
            self._fill_arrays(content)
        except BaseException:
            self.close()
            raise

    def _create_maps(self, content: ObjectFile) -> None:
        for definition in content.maps:
            if definition.type not in _TYPES:
                continue  # which matters only if a program uses it
            map = self._create_map(definition)
            self.maps[definition.name] = map
            if definition.initial is not None:
                map.update_element(bytes(definition.key_size), definition.initial, 0)

    def _check_maps(self, content: ObjectFile) -> None:
        used = {each.map for code in content.programs for each in code.references.values()}
        for definition in content.maps:
            if definition.type not in _TYPES and definition.name in used:
                problem = f"has type {definition.type}, which the model does not have"
                remedy = "use one of those in spec/uapi.py: MapType"
                raise InputError(f"map {definition.name}", problem, remedy)

    def _create_map(self, definition: MapDefinition) -> ModelMap:
        """A PERF_EVENT_ARRAY without a size gets a slot for each CPU, as from libbpf."""
        place = f"map {definition.name}"
        type, entries = MapType(definition.type), definition.max_entries
        if type == MapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY:
            entries = entries or self._lab.cpus
        sizes = definition.key_size, definition.value_size, entries, definition.map_flags
        like = definition.inner
        inner = Definition(MapType(like.type), *like[2:6], like.name) if like else None
        try:
            return self._lab.new_map(Definition(type, *sizes, definition.name, inner=inner))
        except KernelError as error:
            raise KernelError(error.errno or EINVAL, error.reason or place) from None

    def _load_program(self, code: ProgramCode) -> ModelProgram:
        if code.has_frags and not self._lab.release_table.has("frags"):
            raise KernelError(EINVAL)
        check_load(self._lab)
        if self._bound_to is not None:
            device_bound.check_load(self._lab, self._bound_to)
        executable = load(code, self.maps, self._lab.release_table, self._lab.machine)
        used = [map for map in self.maps.values() if map in executable.maps]
        traits = code.attach_type, code.has_frags
        return ModelProgram(self._lab, code.name, executable, *traits, used, self._bound_to)

    def _fill_arrays(self, content: ObjectFile) -> None:
        for definition in content.maps:
            for index, name in definition.maps:
                self.maps[definition.name].update(index, self.maps[name].fd)
            for index, name in definition.programs:
                self.maps[definition.name].update(index, self.programs[name].fd)

    def close(self) -> None:
        """Give up every descriptor."""
        for program in self.programs.values():
            program.close()
        for map in self.maps.values():
            map.close()
