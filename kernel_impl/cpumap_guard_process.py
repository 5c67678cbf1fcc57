# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Waits for the end of standard input, then empties the CPUMAPs that are still on the list.

Lines are ``+id`` and ``-id``. A program of its own, without anything from outside the standard
library: it has to be there at once and cost next to nothing. Numbers of maps are not given out
again before two thousand million others, so a number on the list is still the same map, or none.
"""

from __future__ import annotations

import os
import sys

LIBRARY = "libbpf.so.1"


def main() -> None:
    os.chdir("/")
    left: set[int] = set()
    for line in sys.stdin:
        (left.add if line[0] == "+" else left.discard)(int(line[1:]))
    if left:
        empty(left)


def empty(map_ids: set[int]) -> None:
    """Delete every element of these maps."""
    import ctypes

    libbpf = ctypes.CDLL(LIBRARY)
    cpus = libbpf.libbpf_num_possible_cpus()
    for map_id in map_ids:
        fd = libbpf.bpf_map_get_fd_by_id(map_id)
        for cpu in range(cpus if fd >= 0 else 0):
            libbpf.bpf_map_delete_elem(fd, ctypes.byref(ctypes.c_uint32(cpu)))


if __name__ == "__main__":
    main()
