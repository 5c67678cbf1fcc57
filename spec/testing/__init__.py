# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs documentation pages: reads them, builds their C, executes them on each engine."""
