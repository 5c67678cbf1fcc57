# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random programs that the kernel runs, and the BPF machine by interpreter and by translator."""
