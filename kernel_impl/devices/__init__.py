# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Network devices of the lab's namespace."""
