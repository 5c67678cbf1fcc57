# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Draws the steps of the redirect area."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from spec.lab import Device
from spec.release import Release
from spec.testing.differential.choices import Choices
from spec.testing.differential.redirect.frames import ANSWER, GOES_ON, Call, Kind
from spec.testing.differential.redirect.operations import (
    ABSENT,
    CPUS,
    FIRST_DEVICE,
    LOOPBACK,
    NO_CPU,
    NOWHERE,
    OTHER_CPU,
    THIS_CPU,
    TOO_LARGE,
)
from spec.testing.differential.side import Side
from spec.testing.differential.step import Argument, Step

SCRIPTED, SAFE = ("follows",), ("passes", "drops", "aborts", "unknown")
FAILS_IF_UNBOUND = "5.10"
"""A release that fails if a frame of generic XDP is for a socket that was never bound."""
ENDLESS = ("to_slot", "to_all", "to_all_others", "to_socket", "tx", "asks_nobody")
"""What these do a second time goes round for ever between the ends of a veth pair, and at lo."""
TO_THREAD = "to_cpu"
AT_ENTRIES = (
    "entry_follows",
    "entry_pass",
    "entry_drop",
    "entry_aborted",
    "entry_tx",
    "entry_redirect",
)
AT_CPUS = ("cpu_follows", "cpu_pass", "cpu_drop", "cpu_aborted", "cpu_to_slot")
LENGTHS = (60, 61, 100, 14, 64, 1514, 1518, 1519, 200)
UNUSUAL_LENGTHS = (0, 1, 13, 15, 18, 1517, 3408, 3409, 3520, 3800, 4096, 9014)
MTUS = (1500, 1499, 1504, 100, 68, 1000)
UNUSUAL_MTUS = (0, 67, 3000, 9000, 65521, 65522, 65535, 65536)
COUNTS = (1, 2, 8, 15, 16, 17, 18, 31, 33, 64)
LARGE_COUNTS = (65, 100, 128, 200, 256)
BATCHES = (0, 1, 2, 7, 16, 17, 64, 256)
FLAGS = (0, 1, 2, 3, 8, 24, 10, 16, 26)
UNUSUAL_FLAGS = (4, 5, 32, 1 << 32, (1 << 64) - 1)
QUEUE_SIZES = (2048, 4096)
"""Rings that nothing overflows: how fast another processor empties one is a matter of time."""
SMALL_QUEUE_SIZES = (1, 7, 8, 16, 32, 64)
MOST_DEVICES, MOST_PLACES, MOST_SOCKETS, MOST_NAMESPACES = 7, 60, 2, 1
PAGES = 64
"""Live frames that have a fresh page each (``PP_ALLOC_CACHE_REFILL``), and a batch by default."""


def depends_on_time(step: Step) -> bool:
    """Whether what becomes of *step* depends on how fast a thread is.

    A small ring of another processor overflows or not; a page that a thread has dropped serves
    the next live frame or not; and a thread of this processor runs between two batches or not.
    """
    arguments: tuple[Any, ...] = step.arguments
    if step.name == "put_cpu":
        cpu, (size, _), _ = arguments
        return bool(cpu == "other_cpu" and 0 < size < QUEUE_SIZES[0])
    if step.name != "burst":
        return False
    program, (calls, _), _, count, batch = arguments
    to_thread = program == TO_THREAD or any(call[0] == Kind.CPU for call in calls)
    return bool(to_thread and (count > PAGES or batch != 0))


class Drawer:
    """Draws steps for a session; the first ones build something that frames can go through."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._threads_run_every_buffer = Release(side.lab.release).has("cpumap_gro")
        self._fails_if_unbound = side.lab.release == FAILS_IF_UNBOUND
        self._queues: dict[str, int] = {}
        self._named: dict[str, int] = {}
        self._place = FIRST_DEVICE
        self._opening: list[Callable[[Choices], Step]] = [
            self._tap,
            self._tap,
            self._veth,
            self._tap,
            self._attach,
            self._put,
            self._put,
            self._put,
            self._put_cpu,
            self._put_cpu,
            self._put_key,
            self._put_key,
            self._attach,
            self._attach,
        ]
        weighted: list[tuple[float, Callable[[Choices], Step]]] = [
            (600, self._receive),
            (90, self._burst),
            (60, self._run),
            (60, self._put),
            (40, self._put_key),
            (10, self._put_cpu),
            (12, self._take),
            (4, self._take_cpu),
            (8, self._attach),
            (2, self._detach),
            (6, self._up_or_down),
            (6, self._mtu),
            (3, self._gro),
            (2, self._add_device),
            (1, self._lose_device),
            (3, self._socket),
            (0.3, self._namespace),
        ]
        self._total = list(accumulate(weight for weight, _ in weighted))
        self._draws = [draw for _, draw in weighted]

    def draw(self, choices: Choices) -> Step:
        """The next step."""
        if self._opening:
            return self._opening.pop(0)(choices)
        at = choices.integer(0, int(self._total[-1] * 10) - 1) / 10
        return self._draws[bisect(self._total, at)](choices)

    # Frames.

    def _receive(self, choices: Choices) -> Step:
        count = 1 if choices.chance(0.8) else choices.integer(2, 4)
        frames = (self._frame(choices) for _ in range(count))
        return Step("receive", (self._device(choices), *frames))

    def _burst(self, choices: Choices) -> Step:
        program = "follows" if choices.chance(0.7) else choices.one_of((*SAFE, *ENDLESS, TO_THREAD))
        count = choices.one_of(LARGE_COUNTS if choices.chance(0.05) else COUNTS)
        batch = choices.one_of(BATCHES) if choices.chance(0.3) else 0
        written, place = self._frame(choices), self._device(choices)
        step = Step("burst", (program, written, place, count, batch))
        if depends_on_time(step):
            step = Step("burst", (program, written, place, min(count, PAGES), 0))
        return step

    def _run(self, choices: Choices) -> Step:
        program = choices.one_of(("follows", "entry_follows", "cpu_follows", *ENDLESS))
        count = choices.integer(1, 3)
        place = self._device(choices)
        return Step("run", (program, self._frame(choices), place, count))

    def _frame(self, choices: Choices) -> tuple[Argument, int]:
        lengths = UNUSUAL_LENGTHS if choices.chance(0.05) else LENGTHS
        calls = tuple(self._call(choices) for _ in range(choices.integer(1, 4)))
        needed = 28 + 18 * len(calls)
        length = choices.one_of(lengths) if choices.chance(0.4) else max(60, needed)
        return calls, length

    def _call(self, choices: Choices) -> Call:
        kind = choices.one_of(
            (Kind.SLOT, Kind.SLOT, Kind.SLOT, Kind.KEY, Kind.KEY, Kind.REDIRECT, Kind.CPU)
            if choices.chance(0.75)
            else tuple(Kind)
        )
        flags = 0
        if choices.chance(0.4):
            flags = choices.one_of(UNUSUAL_FLAGS if choices.chance(0.1) else FLAGS)
        verdict = ANSWER if choices.chance(0.75) else choices.one_of((GOES_ON, 0, 1, 2, 3, 4, 77))
        return int(kind), self._target(choices, kind), flags, verdict

    def _target(self, choices: Choices, kind: Kind) -> int:
        if kind == Kind.REDIRECT:
            if choices.chance(0.1):
                return choices.one_of((NOWHERE, ABSENT, LOOPBACK, TOO_LARGE))
            return choices.integer(FIRST_DEVICE, self._place - 1)
        if kind == Kind.CPU:
            usual = choices.chance(0.9)
            return choices.one_of((THIS_CPU, OTHER_CPU) if usual else (NO_CPU, ABSENT, TOO_LARGE))
        if kind == Kind.META:
            return choices.one_of((-4, -8, 4, -32, -3, -252, -256, 0))
        if kind == Kind.HEAD:
            return choices.one_of((-4, -18, 14, 4, 30, -100, -214, -215, -216, 1500, 0))
        if kind == Kind.TAIL:
            return choices.one_of((-1, -20, 1, 4, 100, 300, 2000, -46, -2000))
        if kind == Kind.EVERY:
            return choices.integer(0, 3)
        unusual = choices.chance(0.05)
        return choices.one_of((8, 0xFFFFFFFF, 1 << 32)) if unusual else choices.integer(0, 4)

    # Entries.

    def _put(self, choices: Choices) -> Step:
        return self._put_in(choices, "tx_port", 7)

    def _put_key(self, choices: Choices) -> Step:
        return self._put_in(choices, "forward_map", 5)

    def _put_in(self, choices: Choices, map: str, last: int) -> Step:
        key = choices.integer(0, 3) if choices.chance(0.8) else choices.integer(0, last)
        program: str | int = 0
        if choices.chance(0.4):
            program = choices.one_of((*AT_ENTRIES, "entry_follows", "entry_follows"))
        return Step("update", (map, key, (self._device(choices), program), 0))

    def _put_cpu(self, choices: Choices) -> Step:
        program: str | int = choices.one_of(AT_CPUS) if choices.chance(0.6) else 0
        cpu = choices.one_of(("this_cpu", "other_cpu"))
        if program and cpu == "other_cpu" and not self._threads_run_every_buffer:
            program = "cpu_pass"
        small = cpu == "this_cpu" and choices.chance(0.3)
        size = choices.one_of(SMALL_QUEUE_SIZES if small else QUEUE_SIZES)
        if choices.chance(0.05):
            cpu = choices.one_of(tuple(CPUS)[2:])
        elif self._another_could_fill(cpu, size):
            cpu, size = "this_cpu", QUEUE_SIZES[0]
        self._queues[cpu] = size
        return Step("put_cpu", (cpu, (size, program), 0))

    def _another_could_fill(self, cpu: str, size: int) -> bool:
        """Whether what the thread of the other processor does could end up in a small ring here."""
        queues = self._queues | {cpu: size}
        return "other_cpu" in queues and queues.get("this_cpu", size) in SMALL_QUEUE_SIZES

    def _take(self, choices: Choices) -> Step:
        map = choices.one_of(("tx_port", "forward_map", "xsks"))
        return Step("delete", (map, choices.integer(0, 4)))

    def _take_cpu(self, choices: Choices) -> Step:
        cpu = choices.one_of(tuple(CPUS))
        self._queues.pop(cpu, None)
        return Step("take_cpu", (cpu,))

    # Devices.

    def _attach(self, choices: Choices) -> Step:
        name = self._device(choices)
        programs: Sequence[str] = SCRIPTED if choices.chance(0.8) else SAFE
        if not self._returns(name) and choices.chance(0.15):
            programs = ENDLESS
        mode = "native" if choices.chance(0.65) else "generic"
        return Step("attach", (name, choices.one_of(programs), mode))

    def _detach(self, choices: Choices) -> Step:
        return Step("detach", (self._device(choices),))

    def _up_or_down(self, choices: Choices) -> Step:
        # A device that is down is a rare sight, but one must not stay so.
        return Step("down" if choices.chance(0.3) else "up", (self._device(choices),))

    def _mtu(self, choices: Choices) -> Step:
        value = choices.one_of(UNUSUAL_MTUS if choices.chance(0.2) else MTUS)
        return Step("mtu", (self._device(choices), value))

    def _gro(self, choices: Choices) -> Step:
        return Step("gro", (self._device(choices), choices.chance(0.6)))

    def _add_device(self, choices: Choices) -> Step:
        if len(self._present()) > MOST_DEVICES or self._place >= MOST_PLACES:
            return self._receive(choices)
        return self._veth(choices) if choices.chance(0.4) else self._tap(choices)

    def _tap(self, _: Choices) -> Step:
        self._place += 1
        return Step("tap", (self._new("eth"), self._place - 1))

    def _veth(self, _: Choices) -> Step:
        name = self._new("veth")
        self._place += 2
        return Step("veth", (name, f"peer{name[4:]}", self._place - 2))

    def _lose_device(self, choices: Choices) -> Step:
        name = self._device(choices)
        if self._side.namespaces and choices.chance(0.3):
            return Step("move", (name, choices.one_of(list(self._side.namespaces))))
        return Step("remove", (name,))

    def _namespace(self, choices: Choices) -> Step:
        if len(self._side.namespaces) >= MOST_NAMESPACES:
            return self._receive(choices)
        return Step("namespace", (self._new("other"),))

    # Sockets.

    def _socket(self, choices: Choices) -> Step:
        sockets = [name for name in self._side.sockets if name not in self._side.closed]
        if not sockets or (len(sockets) < MOST_SOCKETS and choices.chance(0.1)):
            return Step("socket", (self._new("socket"),))
        name = choices.one_of(sockets)
        kind = choices.integer(0, 19)
        if kind < 6 and (name in self._side.bound or not self._fails_if_unbound):
            return Step("update", ("xsks", choices.integer(0, 3), name, 0))
        if kind < 11:
            return Step("bind", (name, self._device(choices), 0))
        if kind < 19:
            return Step("fill", (name, choices.integer(0, 4)))
        return Step("close_socket", (name,))

    # Names.

    def _present(self) -> list[str]:
        removed = self._side.removed
        return [name for name in self._side.devices if name != "lo" and name not in removed]

    def _device(self, choices: Choices) -> str:
        present = self._present()
        if not present or choices.chance(0.01):
            return "lo"
        return choices.one_of(present)

    def _returns(self, name: str) -> bool:
        """Whether a frame that the device sends may come in there again."""
        device: Device = self._side.device(name)
        return name == "lo" or device.peer is not None

    def _new(self, kind: str) -> str:
        self._named[kind] = self._named.get(kind, 0) + 1
        return f"{kind}{self._named[kind]}"
