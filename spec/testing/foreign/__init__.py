# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The C blocks of pages that know nothing of this project: do they compile, do they load?"""
