# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Network namespaces: each has devices of its own, found by ifindex."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spec.lab import Namespace

if TYPE_CHECKING:
    from spec.devices.device import ModelDevice
    from spec.model import ModelLab


class ModelNamespace(Namespace):
    """Devices by ifindex (``net/core/dev.c: dev_get_by_index_rcu``)."""

    def __init__(self, lab: ModelLab) -> None:
        self._lab = lab
        self.devices: dict[int, ModelDevice] = {}
        self.find = self.devices.get

    def add(self, device: ModelDevice) -> None:
        """*device* is in this namespace from now on."""
        self.devices[device.ifindex] = device

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
