# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Network namespaces: each has devices of its own, found by ifindex."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EEXIST, EINVAL, ERANGE
from typing import TYPE_CHECKING

from spec.errors import KernelError
from spec.lab import Namespace

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.model import ModelLab


NAME_SIZE = 16
"""``IFNAMSIZ``: bytes of a device's name and the 0 after it."""


class ModelNamespace(Namespace):
    """Devices by ifindex (``net/core/dev.c: dev_get_by_index_rcu``)."""

    def __init__(self, lab: ModelLab) -> None:
        self._lab = lab
        self.devices: dict[int, ModelDevice] = {}
        self.find = self.devices.get

    def add(self, device: ModelDevice) -> None:
        """*device* is in this namespace from now on."""
        self.devices[device.ifindex] = device

    def check_new_name(self, name: str, taken: int = EEXIST) -> None:
        """Raise if no device may be called *name*; *taken* is the errno where another one is.

        ``net/core/rtnetlink.c: ifla_policy``, ``net/core/dev.c: dev_valid_name``
        """
        if len(name.encode()) >= NAME_SIZE:
            raise KernelError(ERANGE, "Attribute failed policy validation")
        if name in ("", ".", "..") or any(mark in "/:" or mark.isspace() for mark in name):
            raise KernelError(EINVAL)
        if any(device.name == name for device in self.devices.values()):
            raise KernelError(taken)

    def drop(self, device: ModelDevice) -> None:
        """*device* is no longer here."""
        del self.devices[device.ifindex]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Who stores an element of a map now looks for devices here."""
        before, self._lab.caller = self._lab.caller, self
        try:
            yield
        finally:
            self._lab.caller = before

    def close(self) -> None:
        """The namespace ends, and with it its devices (``dev.c: default_device_exit_batch``)."""
        for device in list(self.devices.values()):
            device.unregister()
