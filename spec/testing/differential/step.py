# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A step: what both engines are asked to do, as plain data.

Devices, maps and programs are named, never numbered, so that a step means the same on both
engines, in another process and in a file.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

Argument: TypeAlias = "int | str | bytes | bool | tuple[Argument, ...] | None"
"""What a step may hold: it must survive JSON and compare equal afterwards."""


class Step(NamedTuple):
    """The operation *name* of an area, with its arguments."""

    name: str
    arguments: tuple[Argument, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.arguments))})"

    def as_json(self) -> list[Any]:
        """For ``json.dumps``; bytes become ``{"hex": …}``."""
        return [self.name, *(_plain(argument) for argument in self.arguments)]

    @classmethod
    def from_json(cls, written: list[Any]) -> Step:
        """The step that ``as_json`` has written."""
        name, *arguments = written
        return cls(name, tuple(_argument(argument) for argument in arguments))


def names_in(arguments: tuple[Argument, ...]) -> set[str]:
    """Everything that *arguments* name, however deep inside."""
    found: set[str] = set()
    for argument in arguments:
        if isinstance(argument, tuple):
            found |= names_in(argument)
        elif isinstance(argument, str):
            found.add(argument)
    return found


def _plain(argument: Argument) -> Any:
    if isinstance(argument, bytes):
        return {"hex": argument.hex()}
    if isinstance(argument, tuple):
        return [_plain(part) for part in argument]
    return argument


def _argument(written: Any) -> Argument:
    if isinstance(written, dict):
        return bytes.fromhex(written["hex"])
    if isinstance(written, list):
        return tuple(_argument(part) for part in written)
    argument: Argument = written
    return argument
