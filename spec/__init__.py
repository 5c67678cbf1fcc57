# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The reference model of Linux XDP redirection, in plain standard-library Python."""
