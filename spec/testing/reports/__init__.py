# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A run told to people and to programs: one form in each file, each a function of a report."""
