# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One of the two engines in a session: its lab, and what steps call the things in it.

Descriptors, ids and ifindexes differ from engine to engine; whatever is compared has names in
their place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, NamedTuple, TypeAlias, TypeVar

from spec.errors import InputError, KernelError, errno_name
from spec.lab import Device, Lab, Map, Namespace, Program, Socket
from spec.testing.differential.step import Argument
from spec.trace import Event

Answer: TypeAlias = Any
"""What an operation gave back: plain data with names for numbers, a ``Refusal`` or a ``Crash``."""
NO_DESCRIPTOR = 999_999
"""A number that no process has a descriptor for: limits are lower."""


class NotThereError(LookupError):
    """A step speaks of something that no step before it has made."""


class Refusal(NamedTuple):
    """The engine, or our own tools on its behalf, said no."""

    text: str

    def __repr__(self) -> str:
        return self.text


class Crash(NamedTuple):
    """The engine failed where it should have answered."""

    text: str

    def __repr__(self) -> str:
        return self.text


class Side:
    """A lab and its things by name."""

    def __init__(
        self,
        lab: Lab,
        cpu: int = 0,
        broken: Callable[[], AbstractContextManager[object]] | None = None,
    ) -> None:
        self.lab, self.cpu, self.broken = lab, cpu, broken
        self.maps: dict[str, Map] = {}
        self.devices: dict[str, Device] = {"lo": lab.lo}
        self.programs: dict[str, Program] = {}
        self.sockets: dict[str, Socket] = {}
        self.bound: set[str] = set()
        """Sockets that were bound at least once."""
        self.namespaces: dict[str, Namespace] = {}
        self.removed: set[str] = set()
        """Devices that are no more, whose names may still be asked for."""
        self.closed: set[str] = set()
        """Maps and sockets that gave up their descriptor, whose number others may have now."""
        self.device_names: dict[int, str] = {lab.lo.ifindex: "lo"}
        self.map_names: dict[int, str] = {}
        self.program_names: dict[int, str] = {0: ""}
        self._open = ExitStack()
        self._open.callback(lab.close)
        self._open.enter_context(lab.inside())

    def close(self) -> None:
        """Take the lab down."""
        self._open.close()

    # Things get their names.

    def add_map(self, name: str, map: Map) -> None:
        """Steps call it *name* from now on."""
        self.maps[name] = map
        self.map_names[map.id] = name

    def add_device(self, name: str, device: Device) -> None:
        """Steps call it *name* from now on."""
        self.devices[name] = device
        self.device_names[device.ifindex] = name

    def add_programs(self, programs: Iterable[Program]) -> None:
        """Steps call them as their functions are called."""
        for program in programs:
            self.programs[program.name] = program
            self.program_names[program.id] = program.name

    # From names to what an engine takes.

    def map(self, name: str) -> Map:
        """The map *name*."""
        return _there(self.maps, name)

    def device(self, name: str) -> Device:
        """The device *name*, even if it has been removed."""
        return _there(self.devices, name)

    def namespace(self, name: str) -> Namespace:
        """The namespace *name*."""
        return _there(self.namespaces, name)

    def socket(self, name: str) -> Socket:
        """The socket *name*, even if it has been closed."""
        return _there(self.sockets, name)

    def value(self, spelled: Argument) -> Any:
        """An element's value: bytes and numbers as they are, names in a tuple as their things."""
        if isinstance(spelled, tuple):
            first, second = spelled
            return self._named(first), self._named(second)
        return self._named(spelled)

    def _named(self, part: Argument) -> Any:
        if not isinstance(part, str):
            return part
        if part in self.closed:
            return NO_DESCRIPTOR
        for things in (self.devices, self.programs, self.maps, self.sockets):
            if part in things:
                return things[part]
        raise NotThereError(part)

    # From what an engine gives to names.

    def device_name(self, ifindex: int) -> int | str:
        """Its name, or the number of nothing."""
        return self.device_names.get(ifindex, ifindex)

    def program_name(self, prog_id: int) -> int | str:
        """Its name, or the number of nothing."""
        return self.program_names.get(prog_id, prog_id)

    def words(self, raw: bytes) -> tuple[int, ...]:
        """*raw* as 32-bit numbers in the machine's byte order."""
        order = sys.byteorder
        return tuple(int.from_bytes(raw[at : at + 4], order) for at in range(0, len(raw), 4))

    def event(self, event: Event) -> tuple[Any, ...]:
        """An event by names; ``sched`` says only who was faster."""
        return event.name, *(
            self._field(field, value)
            for field, value in zip(event.fields, event, strict=True)
            if field != "sched"
        )

    def _field(self, field: str, value: int) -> Any:
        if field.endswith("ifindex") or field == "map_index":
            return self.device_names.get(value, value)
        if field == "map_id":
            return self.map_names.get(value, value)
        return self.program_names.get(value, value) if field == "prog_id" else value


def answer(operation: Callable[..., Answer], side: Side, arguments: tuple[Argument, ...]) -> Answer:
    """What *side* answers, errors included."""
    try:
        if side.broken is None:
            return operation(side, *arguments)
        with side.broken():
            return operation(side, *arguments)
    except NotThereError:
        raise
    except KernelError as error:
        return Refusal(errno_name(error.errno or 0))
    except InputError:
        return Refusal("InputError")
    except Exception as error:  # whatever it is, it is no answer
        return Crash(f"{type(error).__name__}: {error}")


T = TypeVar("T")


def _there(things: dict[str, T], name: str) -> T:
    try:
        return things[name]
    except KeyError:
        raise NotThereError(name) from None
