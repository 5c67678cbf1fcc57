# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``python -m kernel_impl`` is ``xdpspec``."""

from __future__ import annotations

from kernel_impl.command import main

main(prog_name="xdpspec")
