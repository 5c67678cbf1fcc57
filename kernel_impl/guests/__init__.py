# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Other kernels, booted in virtual machines that run the commands of this project.

A guest is QEMU with a kernel and an initramfs, and nothing else: no disk of the host, no network.
The initramfs holds this Python, the project and what it has compiled, so that a guest reads
nothing slowly and can't reach anything of the host's.
"""
