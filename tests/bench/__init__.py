# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How fast the model is: ``python -m tests.bench``.

Not in ``spec/testing``, since one figure compares the model with the live kernel, and ``spec`` does
not know ``kernel_impl``; not in ``kernel_impl``, since all the others can be had without it.
"""
