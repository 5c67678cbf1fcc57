# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Checks the running kernel again and again, two runs at a time, and counts what is left behind.

``python -m tests.endurance 100``, or ``nox -s endurance``. Exit status 1 if a run failed, or if a
program, map, link, network namespace, process, descriptor, mount or device remains.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from kernel_impl import missing
from tests.kernel_objects import KINDS, PATIENCE_S, Belongings, Machine
from tests.page_project import ROOT

AT_ONCE = 2
LOOK_EVERY_S = 0.01

LANE = """
import json, os, sys
from click.testing import CliRunner
from kernel_impl.command import main
for _ in range(int(sys.argv[1])):
    done = CliRunner().invoke(main, ["check", "-j", *sys.argv[2:]])
    descriptors = len(os.listdir("/proc/self/fd"))
    output = done.output if done.exit_code else ""
    print(json.dumps([done.exit_code, descriptors, output]), flush=True)
"""
"""A process that makes run after run: what a run forgets to close adds up in it."""


class Lane:
    """A process that makes so many *runs*, in a group of processes of its own."""

    def __init__(self, runs: int, arguments: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", LANE, str(runs), *arguments],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._heard = b""
        self.ended = False

    def hear(self) -> list[tuple[int, int, str]]:
        """Exit status, descriptors held and output of the runs that have ended meanwhile."""
        assert self.process.stdout is not None
        self.ended = self.process.poll() is not None
        self._heard += self.process.stdout.read() or b""
        *lines, self._heard = self._heard.split(b"\n")
        return [tuple(json.loads(line)) for line in lines]

    def end(self) -> None:
        """End it, if it has not ended."""
        for process in [] if self.ended else self.processes():
            os.kill(process, signal.SIGTERM)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()

    def processes(self) -> list[int]:
        """The processes of the lane that still run, pages' workers included."""
        return members(self.process.pid)


@dataclass
class Account:
    """What the runs came to."""

    statuses: list[int] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    """Of the runs that failed."""

    descriptors: dict[int, list[int]] = field(default_factory=dict)
    """How many each lane held after each of its runs."""

    seen: dict[str, int] = field(default_factory=dict)
    """How many objects of each kind the runs were seen to hold."""

    left: dict[str, Any] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """One line for everything that is not as it should be."""
        failed = sum(status != 0 for status in self.statuses)
        found = [f"{failed} of {len(self.statuses)} runs failed"] if failed else []
        grown = [counts for counts in self.descriptors.values() if len(set(counts)) > 1]
        found += [f"descriptors did not stay the same: {counts}" for counts in grown]
        return found + [f"left behind: {kind} {what}" for kind, what in self.left.items()]


def endure(
    runs: int,
    arguments: Sequence[str] = (),
    told: Callable[[], object] = lambda: None,
    patience: float = PATIENCE_S,
) -> Account:
    """Make so many *runs* of ``xdpspec check`` with *arguments*; each is *told* when it ends.

    *patience* is how many seconds the kernel has to clean up in the end.
    """
    account, machine = Account(), Machine()
    shares = [runs // AT_ONCE + (lane < runs % AT_ONCE) for lane in range(AT_ONCE)]
    with closing(Belongings()) as belongings, ExitStack() as ends:
        lanes = [Lane(share, arguments) for share in shares]
        for lane in lanes:
            ends.callback(lane.end)
        while not all(lane.ended for lane in lanes):
            for lane in lanes:
                for process in lane.processes():
                    belongings.note(process)
                for status, descriptors, output in lane.hear():
                    account.statuses.append(status)
                    account.outputs += [output] if status else []
                    account.descriptors.setdefault(lane.process.pid, []).append(descriptors)
                    told()
            time.sleep(LOOK_EVERY_S)
        account.statuses += [-1] * (runs - len(account.statuses))  # of a lane that died
        account.seen = {KINDS[kind]: len(ids) for kind, ids in belongings.bpf.items()}
        account.seen["namespaces"] = len(belongings.namespaces_seen)
        account.left = {
            **machine.left_behind(patience),
            **belongings.left_in_the_end(patience),
        }
    processes = [process for lane in lanes for process in lane.processes()]
    if processes:
        account.left["processes"] = processes
    return account


def members(group: int) -> list[int]:
    """The processes of *group*, those that have ended aside."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = status.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(status.parent.name))
    return found


@click.command()
@click.argument("runs", type=click.IntRange(min=1), default=100)
def main(runs: int) -> None:
    """Make RUNS runs (default: 100), two at a time, and say what is left behind."""
    reason = missing()
    if reason:
        raise click.ClickException(reason)
    began = time.monotonic()
    with click.progressbar(length=runs, label="Running xdpspec check", file=sys.stderr) as bar:
        account = endure(runs, told=lambda: bar.update(1))
    held = sum(status == 0 for status in account.statuses)
    click.echo(f"{held} of {runs} runs held, in {time.monotonic() - began:.0f} s")
    click.echo(f"seen: {', '.join(f'{count} {kind}' for kind, count in account.seen.items())}")
    for output in account.outputs[:1]:
        click.echo(output)
    for problem in account.problems:
        click.echo(problem)
    if not account.problems:
        click.echo("nothing is left behind")
    sys.exit(bool(account.problems))


if __name__ == "__main__":
    main()
