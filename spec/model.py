# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The lab on the reference model: devices, maps and programs as Python objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from errno import EBADF, EBUSY, EEXIST, EINVAL
from os import PathLike
from typing import Any, TypeAlias

from spec import layouts
from spec.capabilities import ALL
from spec.devices.device import ModelDevice
from spec.devices.namespace import ModelNamespace
from spec.devices.software import Bridge, Ifb, Loopback, Macvlan, check_macvlan_below
from spec.devices.tap import Tap
from spec.devices.veth import Veth
from spec.errors import InputError, KernelError
from spec.lab import Device, Field, Lab, LoadedObject, Map, Namespace, Program, Socket
from spec.maps.creation import create_map
from spec.maps.element import Definition, ModelMap
from spec.names import Names
from spec.program import ModelProgram
from spec.redirect.processor import Processor
from spec.redirect.xsk import ModelSocket, OtherSocket
from spec.release import DEFAULT, Release
from spec.socket_buffers import SMALL_HEAD
from spec.trace import LAST_SMALL_IFINDEX, EventLog, Record, event_log
from spec.uapi import MapType

Held: TypeAlias = ModelMap | ModelProgram | ModelSocket | OtherSocket
"""What a descriptor may stand for."""

LOOPBACK_IFINDEX = 1
FIRST_FD = 3
"""0, 1 and 2 are what every process has; 0 and less never name a program in an entry."""


class ModelLab(Lab):
    """A machine with *cpus* processors that behaves as Linux *release* built for *nr_cpus* does.

    Everything happens on processor *cpu*, except the threads of a CPUMAP. The process that asks has
    *capabilities*: names of those that BPF knows. Programs run by the *machine* ``translator``, or
    by the slower ``interpreter``. *small_head* is how many bytes that kernel gives small packets.
    """

    engine = "model"

    def __init__(
        self,
        release: str = DEFAULT,
        cpus: int = 2,
        capabilities: frozenset[str] = ALL,
        cpu: int = 0,
        machine: str = "translator",
        nr_cpus: int = 256,
        small_head: int = SMALL_HEAD,
    ) -> None:
        self.capabilities = capabilities
        self.machine = machine
        self.release_table = Release(release)
        self.release = release
        self.cpus = cpus
        self.nr_cpus = nr_cpus
        self.small_head = small_head if self.release_table.has("small_heads") else 0
        self.trace: list[Record] = []
        self.printed: list[str] = []
        self.seen: list[list[Any]] = []
        self.processors = [Processor(self, number) for number in range(cpus)]
        self.processor = self.processors[cpu]
        self.running_cpu = cpu
        self.root = self.caller = ModelNamespace(self)
        self._namespaces = [self.root]
        self._fds: dict[int, Held] = {}
        self._last_fd = FIRST_FD - 1
        self._last_ifindex = LAST_SMALL_IFINDEX
        self._last_map_id = self._last_program_id = self._last_process_id = 0
        self.names = Names()
        self._maps: list[ModelMap] = []
        self.bound_programs: list[ModelProgram] = []
        self.lo: ModelDevice = Loopback(self, "lo", LOOPBACK_IFINDEX)
        self.names = self.names.with_device(LOOPBACK_IFINDEX, "lo")
        self.lo.up()

    # Maps and programs.

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
        """``BPF_MAP_CREATE``."""
        try:
            kind = MapType.named(type)
        except ValueError:
            raise KernelError(EINVAL) from None
        sizes = key_size, value_size, max_entries
        return self.new_map(Definition(kind, *sizes, map_flags, name, type_sizes))

    def new_map(self, definition: Definition) -> ModelMap:
        """A map of *definition*, known by its name from now on."""
        map = create_map(self, definition)
        self._maps.append(map)
        self.names = self.names.with_map(map.id, map.name or str(map.id))
        return map

    def load(self, path: str | PathLike[str], bound_to: Device | None = None) -> LoadedObject:
        """Load an object file."""
        from spec.loading import ModelObject

        return ModelObject(self, path, self.own_device(bound_to) if bound_to else None)

    def by_fd(self, fd: int) -> Map | Program:
        """``EBADF`` if *fd* is none of this lab's maps and programs."""
        held = self._fds.get(fd)
        if isinstance(held, ModelMap | ModelProgram):
            return held
        raise KernelError(EBADF)

    # Devices.

    def tap(self, name: str) -> Device:
        """A tap device, up."""
        self.root.check_new_name(name, taken=EBUSY)
        return self._up(Tap(self, name, self._new_ifindex(name)))

    def veth(self, name: str, peer: str = "", queues: int = 1, peer_queues: int = 0) -> Device:
        """A veth pair, both ends up."""
        peer = peer or f"{name}-peer"
        for end in (name, peer):
            self.root.check_new_name(end)
        if name == peer:
            raise KernelError(EEXIST)
        near = Veth(self, name, self._new_ifindex(name), queues)
        far = Veth(self, peer, self._new_ifindex(peer), peer_queues or queues)
        near.connect(far)
        self._up(far)
        return self._up(near)

    def macvlan(self, name: str, lower: Device) -> Device:
        """A macvlan on *lower*, up."""
        own = self.own_device(lower)
        self.root.check_new_name(name)
        check_macvlan_below(own)
        return self._up(Macvlan(self, name, self._new_ifindex(name), own))

    def bridge(self, name: str, *ports: Device) -> Device:
        """A bridge over *ports*, up."""
        own = tuple(self.own_device(port) for port in ports)
        self.root.check_new_name(name)
        return self._up(Bridge(self, name, self._new_ifindex(name), own))

    def ifb(self, name: str) -> Device:
        """An intermediate functional block device, up."""
        self.root.check_new_name(name)
        return self._up(Ifb(self, name, self._new_ifindex(name)))

    def namespace(self) -> Namespace:
        """Another namespace; its loopback device is down and has the ifindex of every other one."""
        made = ModelNamespace(self)
        self._namespaces.append(made)
        Loopback(self, "lo", LOOPBACK_IFINDEX, made)
        return made

    def socket(self, ring: int = 64, fill: int = 64, frame_size: int = 4096) -> Socket:
        """An ``AF_XDP`` socket."""
        return ModelSocket(self, ring, fill, frame_size)

    def devices(self) -> Mapping[int, Device]:
        """The devices of the lab's own namespace by ifindex."""
        return dict(self.root.devices)

    def _up(self, device: ModelDevice) -> ModelDevice:
        device.up()
        return device

    def _new_ifindex(self, name: str) -> int:
        self._last_ifindex += 1
        self.names = self.names.with_device(self._last_ifindex, name)
        return self._last_ifindex

    # What happened.

    def events(self) -> EventLog:
        """Take what happened until now."""
        return event_log(self.trace, self.names)

    def begin_step(self) -> None:
        """Everything that devices sent and received until now belongs to the past."""
        for frames in self.seen:
            frames.clear()
        self.seen.clear()

    def step(self, arrive: Callable[[Processor, bytes], None], frames: Sequence[bytes]) -> EventLog:
        """*frames* arrive one by one, in a step of their own; what happened."""
        self.begin_step()
        cpu = self.processor
        for frame in frames:
            arrive(cpu, frame)
        return event_log(self.trace, self.names)

    def tracepoints(self) -> Mapping[str, tuple[str, ...]]:
        """The ``xdp`` tracepoints about frames."""
        return layouts.tracepoints(self.release_table)

    def struct(self, name: str) -> tuple[Field, ...]:
        """Layout of a structure of the user-space interface."""
        return layouts.structure(self.release_table, name)

    def device_name(self, ifindex: int) -> str:
        """Its name, or the number."""
        return self.names.device_name(ifindex)

    def map_name(self, map_id: int) -> str:
        """Its name, or the number."""
        return self.names.map_name(map_id)

    def program_name(self, prog_id: int) -> str:
        """Its name, or the number."""
        return self.names.program_name(prog_id)

    def close(self) -> None:
        """Forget everything."""
        self._fds.clear()
        self._maps.clear()
        for namespace in self._namespaces:
            namespace.devices.clear()

    # What follows is for the devices, maps and programs of the model.

    def install(self, held: Held) -> int:
        """A descriptor for *held*; never one that was used before."""
        self._last_fd += 1
        self._fds[self._last_fd] = held
        return self._last_fd

    def uninstall(self, held: Held) -> None:
        """*held* gives up its descriptor."""
        self._fds.pop(held.fd, None)

    def holds(self, held: ModelMap | ModelProgram) -> bool:
        """Whether *held* still has its descriptor."""
        return self._fds.get(held.fd) is held

    def holds_fd(self, fd: int) -> bool:
        """Whether *fd* stands for anything, if only for what every process has."""
        return fd in self._fds or 0 <= fd < FIRST_FD

    def program_of(self, fd: int) -> ModelProgram | None:
        """The program that *fd* stands for."""
        held = self._fds.get(fd)
        return held if isinstance(held, ModelProgram) else None

    def socket_of(self, fd: int) -> ModelSocket | OtherSocket | None:
        """The socket that *fd* stands for."""
        held = self._fds.get(fd)
        return held if isinstance(held, ModelSocket | OtherSocket) else None

    def new_process_id(self) -> int:
        """A process id that no thread had before."""
        self._last_process_id += 1
        return self._last_process_id

    def new_map_id(self) -> int:
        """An id that no map had before."""
        self._last_map_id += 1
        return self._last_map_id

    def new_program_id(self, name: str) -> int:
        """An id that no program had before."""
        self._last_program_id += 1
        self.names = self.names.with_program(self._last_program_id, name)
        return self._last_program_id

    def announce_unregister(self, device: ModelDevice, moves: bool = False) -> None:
        """``NETDEV_UNREGISTER``: *device* leaves every map, and whatever is on top is told."""
        for map in self._maps:
            map.forget(device)
        for socket in list(device.sockets.values()):
            socket.unbind()
        for upper in list(device.uppers):
            upper.lower_unregisters(device, moves)

    def announce_close(self, socket: ModelSocket) -> None:
        """*socket* leaves every map."""
        for map in self._maps:
            map.forget_socket(socket)

    def forget_device(self, device: ModelDevice) -> None:
        """*device* has no name any more, unless another namespace has one with its number."""
        if all(namespace.find(device.ifindex) is None for namespace in self._namespaces):
            self.names = self.names.without_device(device.ifindex)

    def abandon(self) -> None:
        """Lose every frame that is under way, and what was told about it."""
        for processor in self.processors:
            processor.abandon()
        for namespace in self._namespaces:
            for device in namespace.devices.values():
                device.abandon()
        self.trace.clear()

    def own_device(self, device: Device) -> ModelDevice:
        """*device*, which must be this lab's."""
        if isinstance(device, ModelDevice) and device.lab is self:
            return device
        raise InputError(f"device {device.name}", "not of this lab", "use one that the lab made")

    def own_program(self, program: Program) -> ModelProgram:
        """*program*, which must be this lab's."""
        if isinstance(program, ModelProgram) and program.lab is self:
            return program
        raise InputError(f"program {program.name}", "not of this lab", "load it with the lab")

    def namespace_of(self, ifindex: int) -> ModelNamespace:
        """Where the device *ifindex* is; the lab's own namespace for one that is nowhere."""
        having = (each for each in self._namespaces if each.find(ifindex))
        return next(having, self.root)

    def own_namespace(self, namespace: Namespace) -> ModelNamespace:
        """*namespace*, which must be this lab's."""
        if isinstance(namespace, ModelNamespace) and namespace in self._namespaces:
            return namespace
        raise InputError("namespace", "not of this lab", "use lab.namespace()")
