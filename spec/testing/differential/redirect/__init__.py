# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The area of redirection: what becomes of frames, wherever they are sent."""
