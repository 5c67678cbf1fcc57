# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Two labs whose maps have gone the same way so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from spec.testing.compiler import compile_bpf
from spec.testing.differential.area import Pair
from spec.testing.differential.choices import Choices
from spec.testing.differential.lab_session import LabSession
from spec.testing.differential.maps import contents
from spec.testing.differential.maps.drawing import Drawer
from spec.testing.differential.maps.operations import OPERATIONS
from spec.testing.differential.side import Answer, Side
from spec.testing.differential.step import Step

SECTIONS = {
    "plain": "xdp",
    "for_devmap": "xdp/devmap",
    "for_cpumap": "xdp/cpumap",
    "for_devmap_with_frags": "xdp.frags/devmap",
    "for_cpumap_with_frags": "xdp.frags/cpumap",
}
"""Programs of every kind that a map may be asked to hold."""


def source(names: Iterator[str] | tuple[str, ...] = tuple(SECTIONS)) -> str:
    """C of the programs *names*."""
    programs = (
        f'SEC("{SECTIONS[name]}") int {name}(struct xdp_md *ctx) {{ return XDP_PASS; }}\n'
        for name in names
    )
    head = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n\n"
    return head + "".join(programs)


class MapsSession(LabSession):
    """Programs are there from the start, as two of the devices; everything else comes by steps."""

    operations = OPERATIONS

    def __init__(self, pair: Pair) -> None:
        super().__init__(pair)
        self._drawer = Drawer(self.model, tuple(SECTIONS))

    def prepare(self, side: Side) -> None:
        """Load the programs."""
        side.add_programs(side.lab.load(compile_bpf(source(), "entries")).programs.values())

    def draw(self, choices: Choices) -> Step:
        """The next step."""
        return self._drawer.draw(choices)

    def sights(self) -> Iterator[tuple[str, Callable[[Side], Answer]]]:
        """Every map's elements, flags and memory."""
        for name in self.model.maps:
            elements = f"[(key, {name}.lookup(key)) for key in {name}.keys()]"
            yield elements, partial(contents.elements, name=name)
            yield f"{name}.map_flags", partial(contents.flags, name=name)
            yield f"{name}.memory", partial(contents.memory, name=name)
