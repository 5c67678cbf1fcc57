# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Netlink sockets for pyroute2's messages: one request at a time, no event loop."""
