# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Two labs through which the same frames have gone so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from spec.testing.compiler import compile_bpf
from spec.testing.differential.area import Pair
from spec.testing.differential.choices import Choices
from spec.testing.differential.lab_session import LabSession
from spec.testing.differential.maps import contents
from spec.testing.differential.redirect.drawing import Drawer
from spec.testing.differential.redirect.frames import SOURCE
from spec.testing.differential.redirect.operations import (
    OPERATIONS,
    prepare_numbers,
    prepare_state,
)
from spec.testing.differential.side import Answer, Side
from spec.testing.differential.step import Step

PAGE_POOL = "rx_pp_"
"""How counters of a page pool begin, which a kernel has or not (``CONFIG_PAGE_POOL_STATS``)."""
MAPS = ("tx_port", "forward_map", "cpu_map", "xsks")


class RedirectSession(LabSession):
    """The programs and their maps are there from the start; everything else comes by steps."""

    operations = OPERATIONS

    def __init__(self, pair: Pair) -> None:
        super().__init__(pair)
        self._drawer = Drawer(self.model)

    def prepare(self, side: Side) -> None:
        """Load the programs."""
        loaded = side.lab.load(compiled())
        side.add_programs(loaded.programs.values())
        for name, map in loaded.maps.items():
            side.add_map(name, map)
        prepare_numbers(side)
        prepare_state(side)

    def draw(self, choices: Choices) -> Step:
        """The next step."""
        return self._drawer.draw(choices)

    def sights(self) -> Iterator[tuple[str, Callable[[Side], Answer]]]:
        """What devices, sockets and maps have come to."""
        for name in self.model.devices:
            if name not in self.model.removed:
                for what in ("counters", "statistics", "xdp_features", "mtu"):
                    yield f"{name}.{what}", partial(_device, name=name, what=what)
        for name in self.model.sockets:
            if name not in self.model.closed:
                yield f"{name}.statistics", partial(_statistics, name=name)
        for name in MAPS:
            elements = f"[(key, {name}.lookup(key)) for key in {name}.keys()]"
            yield elements, partial(contents.elements, name=name)


@cache
def source() -> str:
    """C of the programs."""
    return SOURCE.read_text(encoding="utf-8")


def compiled() -> Path:
    """The object of the programs."""
    return compile_bpf(source(), "redirect")


def _device(side: Side, name: str, what: str) -> Answer:
    seen = getattr(side.device(name), what)
    if what not in ("counters", "statistics"):
        return seen
    named = {"peer_ifindex": side.device_name}
    return {
        key: named.get(key, int)(number)
        for key, number in seen.items()
        if not key.startswith(PAGE_POOL)
    }


def _statistics(side: Side, name: str) -> Answer:
    return dict(side.socket(name).statistics)
