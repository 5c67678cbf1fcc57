# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How fast the BPF machine is: translated programs, interpreted ones, Python written by hand."""

from __future__ import annotations

from spec import ModelLab
from spec.frame import Frame
from spec.machine import Executable, load, read_object
from spec.machine.host import Context
from spec.machine.memory import CONTEXT_ADDRESS, Memory
from spec.testing.compiler import compile_bpf
from spec.uapi import MapType
from tests.bench import programs
from tests.bench.row import Effort, Goal, Row, timed
from tests.bench.timing import Task

INGRESS = 7


class Bench:
    """A program of one object on both engines of the machine, in a lab with two taps."""

    def __init__(self, lab: ModelLab, source: str, data: bytes) -> None:
        path = compile_bpf(source, "bench")
        (code,) = read_object(path).programs
        self.lab, self.data = lab, data
        maps = lab.load(path).maps
        for map in maps.values():
            if map.type == MapType.BPF_MAP_TYPE_DEVMAP:
                map.update(0, lab.tap("out"))
        self.translated = load(code, maps)  # type: ignore[arg-type]
        self.interpreted = load(code, maps, engine="interpreter")  # type: ignore[arg-type]
        self.context = Context(Frame.of(data), INGRESS)

    def task(self, name: str, executable: Executable, count: int) -> Task:
        """Run *executable* on the same frame again and again."""
        frame, data, cpu = self.context.frame, self.data, self.lab.processors[0]

        def run(count: int) -> None:
            for _ in range(count):
                frame.memory[frame.start : frame.end] = data
                executable.run(self.context, cpu)

        return Task(name, run, count)

    def length(self) -> int:
        """How many instructions one run executes."""
        executable, cpu = self.interpreted, self.lab.processors[0]
        memory = Memory(
            self.context, cpu, executable.regions, executable.map_addresses, executable.release
        )
        self.context.frame = Frame.of(self.data)
        executable.call(memory, 0, (CONTEXT_ADDRESS, 0, 0, 0, 0))
        return memory.executed


def measure(effort: Effort) -> list[Row]:
    """The rows about the machine."""
    with ModelLab() as lab:
        loop = Bench(lab, programs.ALU_LOOP, programs.FRAME)
        rewrite = Bench(lab, programs.REWRITE, programs.udp_frame())
        translated = loop.task("translated program", loop.translated, 10)
        expected = programs.alu_loop(INGRESS)
        assert loop.translated.run(loop.context, lab.processors[0]) == expected
        assert loop.interpreted.run(loop.context, lab.processors[0]) == expected
        return [
            timed(
                f"Arithmetic in a loop, {loop.length():,} instructions",
                translated,
                loop.task("interpreter", loop.interpreted, 1),
                Goal(">=", 5),
                effort,
            ),
            timed(
                "The same loop",
                translated,
                Task("Python written by hand", _by_hand, 10),
                Goal("<=", 1.5),
                effort,
            ),
            timed(
                f"Parse and rewrite a UDP packet, {rewrite.length()} instructions",
                rewrite.task("translated program", rewrite.translated, 300),
                rewrite.task("interpreter", rewrite.interpreted, 60),
                Goal(">=", 3),
                effort,
            ),
        ]


def _by_hand(count: int) -> None:
    for _ in range(count):
        programs.alu_loop(INGRESS)
