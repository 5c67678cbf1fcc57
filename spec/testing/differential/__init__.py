# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Differential testing: two engines are asked the same things until their answers differ.

Nothing here knows which engines these are: the model and the kernel, the model and a broken copy
of it, or the model at two releases.
"""
