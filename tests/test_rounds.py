# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""In which order a CPU polls what asked for it, round by round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import pytest

from spec import ModelLab
from spec.lab import Lab
from spec.redirect.processor import Processor
from spec.trace import ExceptionRaised, Redirect
from tests.bpf_pieces import DEVMAP, INCLUDES, map_of, program
from tests.redirect_programs import frame
from tests.switch import far_end

CHAIN = (
    INCLUDES
    + map_of(DEVMAP, "ports")
    + "".join(
        program(f"return bpf_redirect_map(&ports, {slot}, 0);", name=f"to_{slot}")
        for slot in range(3)
    )
    + program("return XDP_ABORTED;", name="aborts")
)


def test_who_has_more_to_do_comes_after_those_whom_frames_have_reached(
    lab: Lab, compile_bpf: Callable[..., Path]
) -> None:
    loaded = lab.load(compile_bpf(CHAIN, "chain"))
    names = {}
    for slot, handler in enumerate(("to_1", "to_2", "aborts")):
        near = lab.veth(f"near{slot}", f"far{slot}")
        loaded.maps["ports"].update(slot, near)
        far_end(near).attach(loaded.programs[handler])
        names[far_end(near).ifindex] = f"far{slot}"
    run = loaded.programs["to_0"].test_run(
        frame(), lab.tap("eth0"), repeat=70, live=True, batch_size=70
    )
    handled = [
        names[event.ifindex]
        for event in run.events
        if isinstance(event, Redirect | ExceptionRaised) and event.ifindex in names
    ]
    assert [(name, len(list(same))) for name, same in groupby(handled)] == [
        ("far0", 64),
        ("far1", 64),
        ("far0", 6),
        ("far2", 64),
        ("far1", 6),
        ("far2", 6),
    ]


class Poller:
    """Has so many *frames*; the first poll has them reach *others*, who then ask for a poll."""

    def __init__(self, log: list[str], name: str, frames: int, others: Sequence[Poller]) -> None:
        self._log, self._name, self._frames, self._others = log, name, frames, others

    def poll(self, cpu: Processor, budget: int) -> int:
        """Handle at most *budget* frames."""
        self._log.append(self._name)
        for other in self._others:
            cpu.schedule(other)
        self._others = ()
        done = min(self._frames, budget)
        self._frames -= done
        return done


@pytest.mark.parametrize(("text", "order"), [("6.3", "abcdegfhgk"), ("6.4", "abcdegfhkg")])
def test_a_round_goes_on_for_300_frames_since_6_4(text: str, order: str) -> None:
    """The fifth poll ends a round there, and so the sixth begins one."""
    polled: list[str] = []

    def poller(name: str, frames: int, *others: Poller) -> Poller:
        return Poller(polled, name, frames, others)

    k = poller("k", 1)
    f, h = poller("f", 1, k), poller("h", 1)
    e, g = poller("e", 60, f), poller("g", 65, h)
    d = poller("d", 60, e, g)
    first = poller("a", 60, poller("b", 60, poller("c", 60, d)))
    with ModelLab(text) as lab:
        lab.processor.schedule(first)
        lab.processor.run_softirqs()
    assert "".join(polled) == order
