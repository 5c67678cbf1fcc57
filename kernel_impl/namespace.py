# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Network namespaces that exist only as open descriptors and die with the process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType

from kernel_impl.counters import DeviceCounters
from kernel_impl.descriptor import Descriptor
from kernel_impl.libbpf import check_errno, libc
from kernel_impl.netlink.links import Links
from kernel_impl.netlink.netdev import Netdev
from kernel_impl.packets import PacketSocket

CLONE_NEWNET = 0x40000000
# Not /proc/self: that is the main thread's, and a namespace belongs to a thread.
HERE = "/proc/thread-self/ns/net"


class _Thread(threading.local):
    """Which of our namespaces the thread has entered last and not left, if any."""

    inside: NetworkNamespace | None = None
    home: int | None = None
    """A descriptor of where the thread was before it entered any, while it is away."""


_thread = _Thread()


class Inside:
    """While entered, this thread's system calls act in the namespace; may be nested."""

    def __init__(self, namespace: NetworkNamespace) -> None:
        self._namespace = namespace
        self._left: list[int | None] = []
        self._outer: list[NetworkNamespace | None] = []

    def __enter__(self) -> None:
        outer = _thread.inside
        if outer is self._namespace:  # without asking the kernel, as this happens all the time
            self._left.append(None)
        else:
            self._go()
        self._outer.append(outer)
        _thread.inside = self._namespace

    def _go(self) -> None:
        here = os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)
        if os.fstat(here).st_ino == self._namespace.inode:
            os.close(here)
            self._left.append(None)
            return
        try:
            check_errno(libc().setns(self._namespace.descriptor.fd, CLONE_NEWNET))
        except BaseException:
            os.close(here)
            raise
        self._left.append(here)
        if _thread.home is None:
            _thread.home = here

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        _thread.inside = self._outer.pop()
        back = self._left.pop()
        if back is not None:
            if back == _thread.home:
                _thread.home = None
            try:
                check_errno(libc().setns(back, CLONE_NEWNET))
            finally:
                os.close(back)


@contextmanager
def outside() -> Iterator[None]:
    """While entered, this thread is where it was before it entered any of our namespaces.

    What starts there keeps none of them alive.
    """
    home = _thread.home
    if home is None:
        yield
        return
    here = os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        check_errno(libc().setns(home, CLONE_NEWNET))
        try:
            yield
        finally:
            check_errno(libc().setns(here, CLONE_NEWNET))
    finally:
        os.close(here)


class NetworkNamespace:
    """A fresh network namespace without a name, with IPv6 and its chatter switched off."""

    def __init__(self) -> None:
        here = os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # Whoever may not come back must not leave.
            check_errno(libc().setns(here, CLONE_NEWNET))
            check_errno(libc().unshare(CLONE_NEWNET))
            try:
                self.descriptor = Descriptor(os.open(HERE, os.O_RDONLY | os.O_CLOEXEC))
                self.quiet = _switch_off_ipv6()
            finally:
                check_errno(libc().setns(here, CLONE_NEWNET))
        finally:
            os.close(here)
        self.inode = os.fstat(self.descriptor.fd).st_ino

    def inside(self) -> Inside:
        return Inside(self)

    @cached_property
    def links(self) -> Links:
        """Rtnetlink of this namespace."""
        with self.inside():
            return Links(self.quiet)

    @cached_property
    def packets(self) -> PacketSocket:
        """The packet socket of this namespace."""
        with self.inside():
            return PacketSocket()

    @cached_property
    def netdev(self) -> Netdev:
        """The netdev family of this namespace."""
        with self.inside():
            return Netdev()

    @cached_property
    def counters(self) -> DeviceCounters:
        """What every device of this namespace has counted."""
        with self.inside():
            return DeviceCounters()

    def close(self) -> None:
        """Let go of everything that keeps the namespace alive."""
        for name in ("packets", "netdev", "links", "counters"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        self.descriptor.close()


def _switch_off_ipv6() -> bool:
    """Whether IPv6 is off in this namespace for the devices to come."""
    settings = Path("/proc/sys/net/ipv6/conf")
    if not settings.exists():
        return True
    with suppress(OSError):
        for devices in ("all", "default"):
            (settings / devices / "disable_ipv6").write_text("1")
        return True
    return False
