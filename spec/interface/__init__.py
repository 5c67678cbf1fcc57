# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a lab is made of: the classes that both engines implement."""
