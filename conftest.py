# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tells the page runner which engines there are; ``spec`` itself never imports ``kernel_impl``."""

from __future__ import annotations

from functools import cache

import kernel_impl
import spec
from kernel_impl.release import kernel
from spec.testing.engine import Engine

pytest_plugins = ["spec.testing.plugin", "pytester"]


def pytest_xdpspec_engines() -> tuple[Engine, ...]:
    return (
        Engine("model", spec.ModelLab, lambda: None),
        Engine("kernel", kernel_impl.KernelLab, cache(kernel_impl.missing), kernel()),
    )
