# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Has a CPU poll everything that asked to be polled, so that what is left was never asked for.

NAPI contexts of a CPU have their turns in the order in which they asked. A packet over a loopback
device asks last; when it has come through, all others have had theirs (``net/core/dev.c:
net_rx_action, process_backlog``).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Set
from functools import cached_property

from kernel_impl.namespace import NetworkNamespace

LOOPBACK = 1
"""The ifindex of ``lo`` in every namespace."""
PATIENCE_S = 1.0


class Softirqs:
    """Sends itself packets in a namespace of its own, which lasts as long as its socket."""

    def __init__(self, cpu: int) -> None:
        self._cpu = cpu

    def run(self, cpus: Set[int]) -> bool:
        """Whether each of *cpus* has polled; those where we may not run have not."""
        done = [self._run_on(cpu) for cpu in sorted(cpus)]
        os.sched_setaffinity(0, {self._cpu})
        return all(done)

    def _run_on(self, cpu: int) -> bool:
        try:
            os.sched_setaffinity(0, {cpu})
            self._socket.send(b"")
            self._socket.recv(1)
        except OSError:  # not ours to run on, or the packet was lost
            return False
        return True

    def close(self) -> None:
        """Give up the socket, and the namespace with it."""
        if "_socket" in self.__dict__:
            self.__dict__.pop("_socket").close()

    @cached_property
    def _socket(self) -> socket.socket:
        network = NetworkNamespace()
        try:
            network.links.set_up(LOOPBACK, True)
            with network.inside():
                made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        finally:
            network.close()
        made.settimeout(PATIENCE_S)
        made.bind(("127.0.0.1", 0))
        made.connect(made.getsockname())
        return made
