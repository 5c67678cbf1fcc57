# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What this machine needs to run guests, and the one command that installs what is missing."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

from kernel_impl.guests.archive import HELPER
from kernel_impl.guests.machine import HARDWARE, hardware

INSTALL = {
    "apt-get": "apt-get install",
    "dnf": "dnf install",
    "pacman": "pacman -S",
    "zypper": "zypper install",
}


def lacking(releases: Sequence[str]) -> list[str]:
    """One line that names everything missing and how to install it; none if nothing is.

    *releases* are those to be fetched from an archive, which needs more.
    """
    found = hardware()
    if found is None:
        machines = " and ".join(HARDWARE)
        return [f"guests are made for {machines}, this is {platform.machine()}; run them there"]
    missing: dict[str, str] = {}
    if not shutil.which(found.qemu):
        missing[found.qemu] = found.package
    lines = []
    if releases and not (shutil.which("apt-get") and Path(HELPER).exists()):
        which = f"Linux {', '.join(releases)}"
        lines.append(f"{which}: fetched with apt, which is not here; give kernels by path instead")
    elif releases and not shutil.which("dpkg-deb"):
        missing["dpkg-deb"] = "dpkg"
    if missing:
        packages, tools = " ".join(missing.values()), " and ".join(missing)
        lines.append(f"{tools} not found; run `{installer()} {packages}`")
    return lines


def installer() -> str:
    """The command that installs packages on this machine; apt's where none is known."""
    return next((command for name, command in INSTALL.items() if shutil.which(name)),
                INSTALL["apt-get"])  # fmt: skip
