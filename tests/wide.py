# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A veth that receives frames of several fragments, and two devices that they may go to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spec.lab import Lab
from tests.redirect_programs import FRAGS_SOURCE
from tests.switch import far_end


class Wide:
    """Long frames arrive at ``far``, whose program knows fragments.

    The veth ``target`` takes fragments, and ``sink`` receives them; ``tap`` takes none.
    """

    def __init__(self, lab: Lab, compile_bpf: Callable[..., Path], mode: str = "native") -> None:
        self.lab = lab
        loaded = lab.load(compile_bpf(FRAGS_SOURCE, "redirect_frags"))
        self.far, self.tap = far_end(lab.veth("near", "far")), lab.tap("eth0")
        self.target = lab.veth("target", "sink")
        self.sink = far_end(self.target)
        for device in (self.far, far_end(self.far), self.target, self.sink, self.tap):
            device.mtu = 9000
        self.far.attach(loaded.programs["follows"], mode)
        self.sink.attach(loaded.programs["pass"])
        self.maps, self.programs = loaded.maps, loaded.programs
        self.ports = self.maps["tx_port"]
