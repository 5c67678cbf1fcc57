# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A process that opens a lab, goes up to the stage it is told, says so, and waits to be killed."""

from __future__ import annotations

import sys
from typing import NoReturn

from kernel_impl import KernelLab

STAGES = ("opened", "devices", "loaded", "attached", "moved", "in traffic")


def hold(stage: str, path: str) -> NoReturn:
    """Set up everything that comes before *stage* and then stay."""
    lab = KernelLab()
    reached(stage, "opened")
    eth0, eth1, veth0 = lab.tap("eth0"), lab.tap("eth1"), lab.veth("veth0")
    lab.bridge("br0", eth1)
    reached(stage, "devices")
    loaded = lab.load(path)
    reached(stage, "loaded")
    eth0.attach(loaded.programs["forward"])
    veth0.attach(loaded.programs["pass"])
    loaded.maps["ports"].update(0, (eth1, loaded.programs["at_egress"]))
    # From here on the devices alone keep it alive.
    loaded.programs["forward"].close()
    reached(stage, "attached")
    veth0.move(lab.namespace())
    reached(stage, "moved")
    print("in traffic", flush=True)  # noqa: T201
    while True:
        eth0.receive(bytes(60))


def reached(stage: str, here: str) -> None:
    """Tell the test, and stay if this is where it wants us."""
    if stage == here:
        print(here, flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    hold(*sys.argv[1:])
