# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Network devices of the model, one file for each driver, and what all of them share."""
