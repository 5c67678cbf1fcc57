# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What can be done with devices, entries and frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spec.lab import Key
from spec.release import Release
from spec.testing.differential.lab_session import Operation, called, spelled
from spec.testing.differential.maps import operations as maps
from spec.testing.differential.redirect.account import account
from spec.testing.differential.redirect.frames import ANSWER, Call, Kind, frame, shown
from spec.testing.differential.side import Answer, NotThereError, Side
from spec.testing.differential.step import Argument
from spec.uapi import XDP_DROP

NOWHERE, OTHER_CPU, THIS_CPU, ABSENT, LOOPBACK, TOO_LARGE, NO_CPU, FIRST_DEVICE = range(8)
"""Places in ``numbers`` that frames speak of; from the last one on there are devices."""
LOOPBACK_IFINDEX = 1
LONG_ENOUGH = 64
"""Bytes of a frame with a call."""
CPUS = {"this_cpu": 0, "other_cpu": 1, "no_cpu": 63, "absurd_cpu": 64}

Frame = tuple[Sequence[Call], int]
"""The calls that a frame asks for, and its length."""


def cpu_number(side: Side, name: str) -> int:
    """The processor that a step calls *name*."""
    places = {"this_cpu": THIS_CPU, "other_cpu": OTHER_CPU}
    return fixed_numbers(side.cpu)[places[name]] if name in places else CPUS[name]


def fixed_numbers(cpu: int) -> dict[int, int]:
    """The numbers that frames speak of by place, where everything happens on *cpu*."""
    return {
        OTHER_CPU: 1 if cpu == 0 else 0,
        THIS_CPU: cpu,
        ABSENT: 999,
        LOOPBACK: LOOPBACK_IFINDEX,
        TOO_LARGE: 0xFFFFFFFF,
        NO_CPU: 63,
    }


def prepare_numbers(side: Side) -> None:
    """Tell the programs."""
    for place, number in fixed_numbers(side.cpu).items():
        side.map("numbers").update(place, number)
    side.map("places").update(LOOPBACK_IFINDEX, LOOPBACK)


def prepare_state(side: Side) -> None:
    """Have the target index of both processors at 0.

    Before 6.11 a processor keeps for ever what any program has asked for, also in labs before.
    """
    nowhere = (Kind.REDIRECT, NOWHERE, 0, XDP_DROP)
    side.programs["follows"].test_run(frame([nowhere], LONG_ENOUGH))
    if Release(side.lab.release).has("redirect_state_per_round"):
        return
    there, cpu_map = cpu_number(side, "other_cpu"), side.map("cpu_map")
    cpu_map.update(there, (1, side.programs["cpu_follows"]))
    device = side.lab.tap("first")
    device.attach(side.programs["follows"])
    device.receive(frame([(Kind.CPU, OTHER_CPU, 0, ANSWER), nowhere], LONG_ENOUGH))
    device.remove()
    cpu_map.delete(there)


def add_device(side: Side, name: str, place: int) -> None:
    """Frames know the device by *place*."""
    ifindex = side.device(name).ifindex
    side.map("numbers").update(place, ifindex)
    side.map("places").update(ifindex, place)


def tap(side: Side, name: str, place: int) -> Answer:
    maps.tap(side, name)
    side.removed.discard(name)
    add_device(side, name, place)


def veth(side: Side, name: str, peer: str, place: int) -> Answer:
    maps.veth(side, name, peer)
    for number, end in enumerate((name, peer)):
        side.removed.discard(end)
        add_device(side, end, place + number)


def remove(side: Side, name: str) -> Answer:
    device = side.device(name)
    peer = device.peer
    device.remove()
    side.removed.add(name)
    if peer is not None:
        side.removed.add(peer.name)


def up(side: Side, name: str) -> Answer:
    side.device(name).up()


def down(side: Side, name: str) -> Answer:
    side.device(name).down()


def mtu(side: Side, name: str, value: int) -> Answer:
    side.device(name).mtu = value


def gro(side: Side, name: str, on: bool) -> Answer:
    side.device(name).offload("gro", on)


def attach(side: Side, name: str, program: str, mode: str) -> Answer:
    side.device(name).attach(side.programs[program], mode)


def detach(side: Side, name: str) -> Answer:
    side.device(name).detach()


def put_cpu(side: Side, cpu: str, value: Argument, flags: int) -> Answer:
    side.map("cpu_map").update(cpu_number(side, cpu), side.value(value), flags)


def take_cpu(side: Side, cpu: str) -> Answer:
    side.map("cpu_map").delete(cpu_number(side, cpu))


def bind(side: Side, name: str, device: str, queue: int) -> Answer:
    side.socket(name).bind(side.device(device), queue)
    side.bound.add(name)


def fill(side: Side, name: str, count: int) -> Answer:
    side.socket(name).fill(count)


def receive(side: Side, name: str, *frames: Frame) -> Answer:
    log = side.device(name).receive(*(frame(*written) for written in frames))
    return account(side, log)


def burst(
    side: Side, program: str, written: Frame, ingress: str, count: int, batch_size: int
) -> Answer:
    device = side.device(ingress)
    run = side.programs[program].test_run(
        frame(*written), device, repeat=count, live=True, batch_size=batch_size
    )
    return [int(run.retval), *account(side, run.events)]


def run(side: Side, program: str, written: Frame, ingress: str, count: int) -> Answer:
    done = side.programs[program].test_run(frame(*written), side.device(ingress), repeat=count)
    return int(done.retval), done.data


def update(side: Side, name: str, key: Key, value: Argument, flags: int) -> Answer:
    if name not in side.maps:
        raise NotThereError(name)
    return maps.update(side, name, key, value, flags)


def _write_receive(name: str, *frames: Any) -> str:
    return f"{name}.receive({', '.join(shown(*written) for written in frames)})"


def _write_burst(program: str, written: Any, ingress: str, count: int, batch_size: int) -> str:
    arguments = f"{shown(*written)}, {ingress}, repeat={count}, live=True, batch_size={batch_size}"
    return f"{program}.test_run({arguments}).events"


def _write_run(program: str, written: Any, ingress: str, count: int) -> str:
    return f"{program}.test_run({shown(*written)}, {ingress}, repeat={count})"


def _places(**named: int) -> str:
    return "".join(
        f"; numbers.update({place}, {name}.ifindex); places.update({name}.ifindex, {place})"
        for name, place in named.items()
    )


def _write_tap(name: str, place: int) -> str:
    return f"{name} = lab.tap({name!r})" + _places(**{name: place})


def _write_veth(name: str, peer: str, place: int) -> str:
    made = f"{name} = lab.veth({name!r}, {peer!r}); {peer} = {name}.peer"
    return made + _places(**{name: place, peer: place + 1})


def _write_put_cpu(cpu: str, value: Argument, flags: int) -> str:
    return f"cpu_map.update({CPUS[cpu]}, {spelled(value)}, {flags})"


OPERATIONS = {
    **{name: maps.OPERATIONS[name] for name in ("delete", "move", "namespace", "close_socket")},
    "update": Operation(update, called("update")),
    "tap": Operation(tap, _write_tap),
    "veth": Operation(veth, _write_veth),
    "remove": Operation(remove, called("remove")),
    "up": Operation(up, called("up")),
    "down": Operation(down, called("down")),
    "mtu": Operation(mtu, lambda name, value: f"{name}.mtu = {value}"),
    "gro": Operation(gro, lambda name, on: f"{name}.offload('gro', {on})"),
    "attach": Operation(attach, lambda name, *how: f"{name}.attach({how[0]}, {how[1]!r})"),
    "detach": Operation(detach, called("detach")),
    "put_cpu": Operation(put_cpu, _write_put_cpu),
    "take_cpu": Operation(take_cpu, lambda cpu: f"cpu_map.delete({CPUS[cpu]})"),
    "socket": maps.OPERATIONS["socket"],
    "bind": Operation(bind, called("bind")),
    "fill": Operation(fill, called("fill")),
    "receive": Operation(receive, _write_receive),
    "burst": Operation(burst, _write_burst),
    "run": Operation(run, _write_run),
}
