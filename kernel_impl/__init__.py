# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The live kernel as a lab: libbpf by cffi, devices by netlink, events by perf descriptors."""

from __future__ import annotations

from kernel_impl.lab import KernelLab
from kernel_impl.probes import missing

__all__ = ["KernelLab", "missing"]
