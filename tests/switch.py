# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Four taps and the programs of ``redirect_programs``: most tests about redirection begin so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from spec.errors import errno_name
from spec.lab import Device, Lab
from spec.trace import DevmapXmit, Event, EventLog, Redirect
from tests.redirect_programs import SOURCE


class Switch:
    """Frames arrive at ``eth0``; slots 0 to 2 of ``ports`` are the other three taps."""

    def __init__(self, lab: Lab, compile_bpf: Callable[..., Path], mode: str = "native") -> None:
        loaded = lab.load(compile_bpf(SOURCE, "redirect_programs"))
        self.lab, self.maps, self.programs = lab, loaded.maps, loaded.programs
        self.devices = [lab.tap(f"eth{number}") for number in range(4)]
        self.eth0, self.eth1, self.eth2, self.eth3 = self.devices
        self.ports = self.maps["tx_port"]
        for slot, device in enumerate(self.devices[1:]):
            self.ports.update(slot, device)
        self.eth0.attach(self.programs["follows"], mode)

    def attach(self, mode: str) -> None:
        """The program of ``eth0`` anew, in *mode*."""
        self.eth0.detach()
        self.eth0.attach(self.programs["follows"], mode)

    def answer(self, frame: bytes) -> object:
        """What the program returns; nothing is carried out."""
        return self.programs["follows"].test_run(frame).retval

    def burst(
        self, frame: bytes, count: int, ingress: Device | None = None, batch_size: int = 0
    ) -> EventLog:
        """*count* frames arrive at ``eth0`` in one round, or in rounds of *batch_size*."""
        follows, ingress = self.programs["follows"], ingress or self.eth0
        run = follows.test_run(frame, ingress, repeat=count, live=True, batch_size=batch_size)
        return run.events

    def put(self, slot: int, device: Device, program: str = "") -> None:
        """*device* in *slot*, with the program of that name."""
        self.ports.update(slot, (device, self.programs[program]) if program else device)

    def veth_in_slot_0(self) -> Device:
        """A fresh veth."""
        target = self.lab.veth("target", "sink")
        self.put(0, target)
        return target

    def sent(self) -> list[int]:
        """How many frames each tap sent."""
        return [len(device.sent) for device in self.devices]


OpenRelease = Callable[..., Switch]
"""Opens a switch in a lab of the release given."""


def told(events: EventLog) -> list[str]:
    """One line for each event, with single blanks."""
    return [] if not events else [" ".join(line.split()) for line in repr(events).splitlines()]


def redirected(events: Sequence[Event]) -> list[Redirect]:
    """What ``xdp_redirect`` and ``xdp_redirect_err`` told."""
    return [event for event in events if isinstance(event, Redirect)]


def errors(events: Sequence[Event]) -> list[str]:
    """For each redirect its errno, or ``""`` where it was accepted."""
    return [errno_name(-event.err) if event.err else "" for event in redirected(events)]


def bulks(events: Sequence[Event]) -> list[DevmapXmit]:
    """What ``xdp_devmap_xmit`` told."""
    return [event for event in events if isinstance(event, DevmapXmit)]


def far_end(device: Device) -> Device:
    """The peer of a veth."""
    assert device.peer is not None
    return device.peer
