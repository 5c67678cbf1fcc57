# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Maps: the four that XDP redirects into, and the layer between any map and user space."""
