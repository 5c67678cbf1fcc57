# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The area of maps: everything that user space does with elements, and what devices do to them."""
