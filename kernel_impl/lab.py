# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The lab on the running kernel: a network namespace of its own that dies with the process."""

from __future__ import annotations

import errno
import os
import weakref
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from os import PathLike

from kernel_impl import btf, cpumap_guard
from kernel_impl.cpu import Pin
from kernel_impl.devices.device import KernelDevice, KernelNamespace
from kernel_impl.devices.tap import TapDevice
from kernel_impl.devices.upper import LoopbackDevice, bridge, ifb, macvlan
from kernel_impl.devices.veth import VethDevice
from kernel_impl.libbpf import function_address
from kernel_impl.maps import KernelMap, name_of_map, stop_threads
from kernel_impl.names import Names
from kernel_impl.namespace import NetworkNamespace
from kernel_impl.objects import KernelObject
from kernel_impl.programs import KernelProgram
from kernel_impl.release import release
from kernel_impl.settle import Deadline, InRing, Threads, elsewhere, in_rings, on_any_cpu, rounds
from kernel_impl.socket import KernelSocket
from kernel_impl.softirqs import Softirqs
from kernel_impl.trace import Inbox
from kernel_impl.tracefs import xdp_tracepoints
from spec.errors import KernelError
from spec.lab import Device, Field, Lab, LoadedObject, Map, Namespace, Program, Socket
from spec.trace import EventLog, event_log
from spec.uapi import MapType


class KernelLab(Lab):
    """Devices, maps and programs of the running kernel, apart from everything else on the machine.

    The thread that opens the lab stays on one CPU until the lab is closed, and should be the one
    that uses it.
    """

    engine = "kernel"

    def __init__(self) -> None:
        self.release = release()
        self._names = Names()
        self._devices: dict[int, KernelDevice] = {}
        self._descriptors: dict[int, KernelMap | KernelProgram] = {}
        self._sockets: list[KernelSocket] = []
        self._step_began = 0
        self._inbox = Inbox(self._names.concerns)
        self._pin = Pin()
        self._threads = Threads(self._pin.cpu)
        self._softirqs = Softirqs(self._pin.cpu)
        self.network = self.caller = NetworkNamespace()
        self._networks, self._fds, self._cpumaps = [self.network], set[int](), set[int]()
        # The finaliser must not refer to the lab, or the lab would never be finalised.
        self._finish = weakref.finalize(
            self,
            _take_down,
            os.getpid(),
            self._inbox,
            self._fds,
            self._cpumaps,
            self._networks,
            self._softirqs,
            self._pin,
        )
        self.lo = LoopbackDevice(self)
        self.lo.up()
        self.network.packets.begin_step()

    def create_map(
        self,
        type: str | int,
        key_size: int = 4,
        value_size: int = 4,
        max_entries: int = 1,
        map_flags: int = 0,
        name: str = "",
        type_sizes: tuple[int, int] | None = None,
    ) -> Map:
        sizes = key_size, value_size, max_entries
        made = KernelMap.create(self, type, *sizes, map_flags, name, type_sizes)
        self._watch_cpumaps()
        return made

    def load(self, path: str | PathLike[str], bound_to: Device | None = None) -> LoadedObject:
        with self.inside():
            loaded = KernelObject(self, path, bound_to)
        self._watch_cpumaps()
        return loaded

    def tap(self, name: str) -> Device:
        with self.inside():
            return TapDevice(self, name)

    def veth(self, name: str, peer: str = "", queues: int = 1, peer_queues: int = 0) -> Device:
        numbers = queues, peer_queues or queues
        return VethDevice.pair(self, name, peer or f"{name}-peer", numbers)

    def macvlan(self, name: str, lower: Device) -> Device:
        return macvlan(self, name, lower)

    def bridge(self, name: str, *ports: Device) -> Device:
        return bridge(self, name, ports)

    def ifb(self, name: str) -> Device:
        return ifb(self, name)

    def namespace(self) -> Namespace:
        self._networks.append(NetworkNamespace())
        return KernelNamespace(self._networks[-1], self)

    def socket(self, ring: int = 64, fill: int = 64, frame_size: int = 4096) -> Socket:
        with self.inside():
            made = KernelSocket(self, ring, fill, frame_size)
        self._sockets.append(made)
        return made

    def events(self) -> EventLog:
        self._inbox.look()
        return self.settled_events()

    def settled_events(self) -> EventLog:
        """The same right after ``settle()``, which has looked."""
        log = event_log(self._inbox.seen(), self._names.now())
        if not self._names.know_maps_of(log):
            log = event_log(list(log), self).settle()  # now, as such a map may be gone soon
        self._step_began = 0
        self._threads.begin_step()
        return log

    def tracepoints(self) -> Mapping[str, tuple[str, ...]]:
        # The group also has three that are not about frames: memory models and failed links.
        return {
            name: tuple(field.name for field in point.fields)
            for name, point in xdp_tracepoints().items()
            if name.startswith("xdp_")
        }

    def struct(self, name: str) -> tuple[Field, ...]:
        return btf.layout(name)

    def by_fd(self, fd: int) -> Map | Program:
        try:
            return self._descriptors[fd]
        except KeyError:
            raise KernelError(errno.EBADF) from None

    def devices(self) -> Mapping[int, Device]:
        return {device.ifindex: device for device in self.devices_in(self.network)}

    def device_name(self, ifindex: int) -> str:
        return self._names.device_name(ifindex)

    def map_name(self, map_id: int) -> str:
        # A page's own C code may have made the map.
        return self._names.maps.get(map_id) or name_of_map(map_id)

    def program_name(self, prog_id: int) -> str:
        return self._names.program_name(prog_id)

    def inside(self) -> AbstractContextManager[object]:
        return self.network.inside()

    def native_call(self, name: str) -> int | None:
        """The address of libbpf's function *name*, for C code that is to call libbpf itself."""
        return function_address(name)

    def close(self) -> None:
        devices = list(self._devices.values())
        for socket in self._sockets.copy():
            socket.close()
        self._descriptors.clear()
        self._finish()
        # All at once above; what devices hold besides would keep the namespace alive.
        for device in devices:
            device.vanish()

    # What follows is for the devices, maps and programs of this package.

    def remember(self, device: KernelDevice) -> None:
        self._devices[device.ifindex] = device
        self._names.add("devices", device.ifindex, device.name)

    def forget(self, device: KernelDevice) -> None:
        self._devices.pop(device.ifindex, None)
        self._names.drop_device(device.ifindex)

    def forget_namespace(self, network: NetworkNamespace) -> None:
        self._networks.remove(network)

    def forget_socket(self, socket: KernelSocket) -> None:
        if socket in self._sockets:
            self._sockets.remove(socket)

    def devices_in(self, network: NetworkNamespace) -> list[KernelDevice]:
        """The devices that are in *network* now."""
        return [device for device in self._devices.values() if device.network is network]

    def remember_map(self, map: KernelMap) -> None:
        self._names.add("maps", map.id, map.name or str(map.id))
        self._descriptors[map.fd] = map
        self._fds.add(map.fd)
        if map.type == MapType.BPF_MAP_TYPE_CPUMAP:
            self._cpumaps.add(map.id)

    def remember_program(self, program: KernelProgram) -> None:
        self._names.add("programs", program.id, program.name)
        self._descriptors[program.fd] = program
        self._fds.add(program.fd)

    def _watch_cpumaps(self) -> None:
        if self._cpumaps:
            cpumap_guard.watch(self._cpumaps)

    def forget_descriptor(self, fd: int) -> None:
        self._descriptors.pop(fd, None)
        self._fds.discard(fd)

    def begin_step(self) -> None:
        """Everything that devices sent and received until now belongs to the past."""
        self._step_began = len(self._inbox.look())
        self._threads.begin_step()
        for network in self._networks:
            network.packets.begin_step()
            network.counters.forget()
        for device in self._devices.values():
            device.begin_step()
        for socket in self._sockets:
            socket.begin_step()

    def settle(self) -> None:
        """Wait until the frames of this step have come to their end, wherever that is.

        Frames in the ring of a veth that nobody is told of stay there: those of a bulk queue that
        was flushed because it was full, if the program of the entry drops all that came after.
        """
        deadline, polled, asked_all = Deadline(), False, False
        before: Sequence[InRing] = ()
        while True:
            events = self._inbox.look()[self._step_began :]
            cpus = {self._pin.cpu, *(event.cpu for event in rounds(events))}
            waiting, others = (
                in_rings(events, self._devices),
                elsewhere(events, self._devices, cpus),
            )
            if others or (waiting and not (polled and waiting == before)):
                deadline.check([*map(str, waiting), *others])
                before, polled = waiting, not others and self._softirqs.run(cpus)
            elif not asked_all and on_any_cpu(self._devices):
                asked_all = True
                self._softirqs.run(set(range(os.cpu_count() or 1)))
            elif self._threads.have_delivered(events):
                for ring in waiting:
                    ring.veth.left = ring.expected - ring.handled
                return


def _take_down(
    process: int,
    inbox: Inbox,
    fds: set[int],
    cpumaps: set[int],
    networks: list[NetworkNamespace],
    softirqs: Softirqs,
    pin: Pin,
) -> None:
    # A forked child has no business with its parent's namespace.
    if os.getpid() != process:
        return
    # Everything has its turn, from the last to the first, even if something before it fails.
    with ExitStack() as steps:
        steps.callback(pin.release)
        steps.callback(softirqs.close)
        for network in networks:
            steps.callback(network.close)
            steps.callback(network.links.remove_ours)
        for fd in fds:
            steps.callback(os.close, fd)
        steps.callback(cpumap_guard.forget, cpumaps)
        for map_id in cpumaps:
            steps.callback(stop_threads, map_id)
        steps.callback(inbox.close)
