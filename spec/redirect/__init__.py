# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Redirection, from the helper that names a target to the driver that transmits.

Read in this order: ``helpers`` (what a program asks for), ``native`` (who gets the frame),
``broadcast``, ``bulk`` (queueing and flushing), ``entry_program`` (the program at a map's entry),
``generic`` (the same for socket buffers), ``processor`` (a CPU doing all this), ``test_run``.
"""
