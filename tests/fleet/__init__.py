# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A plan for tmt: checks the kernels of machines and guests, and brings their evidence home."""
