# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What commands that compare the model with something else let one choose, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

DIFFERENCE = 1
ENDS = (
    "Exit status: 0 no difference, 1 a difference, 2 wrong usage, 3 this machine lacks something "
    "(it says what, and what helps)."
)
_OPTIONS = (
    click.option(
        "--against",
        default="kernel",
        metavar="ENGINE",
        help="What the model is compared with: kernel (default), model, or model:5.10, which need "
        "no root.",
    ),
    click.option(
        "--on",
        "kernels",
        multiple=True,
        metavar="RELEASE|VMLINUZ",
        help="In a guest with that kernel, as 5.10, several at once. Needs QEMU, and no root.",
    ),
    click.option("--kvm", is_flag=True, help="Guests use KVM. Where it doesn't work, they hang."),
)


def compares(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options ``--against``, ``--on`` and ``--kvm``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
