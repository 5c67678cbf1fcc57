# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Two labs whose maps have gone the same way so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from spec.errors import KernelError
from spec.lab import Lab, LoadedObject
from spec.testing.compiler import compile_bpf
from spec.testing.differential.area import Pair
from spec.testing.differential.choices import Choices
from spec.testing.differential.lab_session import LabSession
from spec.testing.differential.maps import contents
from spec.testing.differential.maps.drawing import TYPES, Drawer
from spec.testing.differential.maps.operations import OPERATIONS
from spec.testing.differential.side import Answer, Side
from spec.testing.differential.step import Step
from spec.uapi import MapType

SECTIONS = {
    "plain": "xdp",
    "for_devmap": "xdp/devmap",
    "for_cpumap": "xdp/cpumap",
    "for_devmap_with_frags": "xdp.frags/devmap",
    "for_cpumap_with_frags": "xdp.frags/cpumap",
}
"""Programs of every kind that a map may be asked to hold."""


def source(names: Iterable[str]) -> str:
    """C of the programs *names*."""
    programs = (
        f'SEC("{SECTIONS[name]}") int {name}(struct xdp_md *ctx) {{ return XDP_PASS; }}\n'
        for name in names
    )
    head = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n\n"
    return head + "".join(programs)


def compiled() -> tuple[Path, Path]:
    """The object of the programs that every kernel takes, and that of those with fragments."""
    with_frags = [name for name in SECTIONS if name.endswith("_with_frags")]
    others = [name for name in SECTIONS if name not in with_frags]
    return compile_bpf(source(others), "entries"), compile_bpf(source(with_frags), "with_frags")


def load(lab: Lab) -> list[LoadedObject]:
    """The programs that the kernel of *lab* takes."""
    every, with_frags = compiled()
    loaded = [lab.load(every)]
    with suppress(KernelError):
        loaded.append(lab.load(with_frags))
    return loaded


class MapsSession(LabSession):
    """Programs are there from the start, as two of the devices; everything else comes by steps."""

    operations = OPERATIONS

    def __init__(self, pair: Pair) -> None:
        self._least: dict[Side, dict[MapType, int]] = {}
        super().__init__(pair)
        self._drawer = Drawer(self.model, tuple(self.model.programs))

    def prepare(self, side: Side) -> None:
        """Load the programs."""
        for loaded in load(side.lab):
            side.add_programs(loaded.programs.values())
        self._least[side] = contents.least_memory(side.lab, TYPES)

    def draw(self, choices: Choices) -> Step:
        """The next step."""
        return self._drawer.draw(choices)

    def sights(self) -> Iterator[tuple[str, Callable[[Side], Answer]]]:
        """Which programs there are, and every map's elements, flags and memory."""
        yield "sorted(lab.load('with_frags.bpf.o').programs)", lambda side: sorted(side.programs)
        for name in self.model.maps:
            elements = f"[(key, {name}.lookup(key)) for key in {name}.keys()]"
            yield elements, partial(contents.elements, name=name)
            yield f"{name}.map_flags", partial(contents.flags, name=name)
            yield (
                f"{name}.memory  # beyond that of a map with a single slot",
                partial(contents.memory, name=name, least=self._least),
            )
