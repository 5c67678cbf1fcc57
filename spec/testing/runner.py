# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs a page on one engine, step by step in the order of its text."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from spec.errors import CannotTellError, KernelError
from spec.lab import Lab
from spec.testing.blocks import Example, Page
from spec.testing.build import BlockError, Build
from spec.testing.checks import check_command, check_structure
from spec.testing.engine import Engine
from spec.testing.outcome import (
    Blocked,
    CannotTell,
    Failed,
    Failure,
    Held,
    OtherRelease,
    Outcome,
    Skipped,
)
from spec.testing.statement import origin, run_statement, told
from spec.testing.user_program import UserProgram
from spec.uapi import PAGE_NAMES

FRAME = bytes.fromhex("020000000002 020000000001 88b5") + bytes(46)
"""What pages call ``frame``: 60 bytes of Ethernet with an ethertype for local experiments."""


class PageRun:
    """One page on one engine: runs as far as asked for, and remembers what came of it.

    An example is run by running everything above it first, so any of them can be asked for alone.
    """

    def __init__(self, page: Page, engine: Engine, build: Build) -> None:
        self.page, self.engine, self.build = page, engine, build
        self.lab: Lab | None = None
        self.release = ""
        self.names: dict[str, Any] = {}
        self._resources = ExitStack()
        self._failures: dict[str, list[Failure]] = {}
        self._skipped: dict[str, Skipped] = {}
        self._stop: tuple[Example, Failure] | None = None
        self._done: set[str] = set()
        self._next = 0

    def outcome(self, example: Example) -> Outcome:
        """Run the page up to the last step of *example* and say what became of it."""
        last = max(n for n, step in enumerate(self.page.steps) if step.example is example)
        while self._next <= last and self._stop is None:
            self._step(self._next)
            self._next += self._stop is None
        if example.name in self._failures:
            return Failed(tuple(self._failures[example.name]))
        if last >= self._next and self._stop is not None:
            block, failure = self._stop
            place = f"{self.page.title}:{failure.line}"
            return Blocked(
                (Failure(example.line, f"not run: {place} ({block.name}) failed first"),)
            )
        if example.name in self._skipped:
            return self._skipped[example.name]
        return Held()

    def close(self) -> None:
        """Take the lab down."""
        self._resources.close()
        self.lab = None

    # Steps.

    def _step(self, number: int) -> None:
        step = self.page.steps[number]
        example = step.example
        try:
            if step.statement is None:
                self._reach(example)
            elif example.name not in self._skipped:
                failure = run_statement(self.page, step.statement, self.names)
                if failure:
                    self._failures.setdefault(example.name, []).append(failure)
        except CannotTellError as error:
            self._skipped[example.name] = CannotTell(str(error))
        except BlockError as error:
            self._failures.setdefault(error.block.name, []).append(error.failure)
            if example.kind == "lab":
                self._stop = error.block, error.failure
        except Exception as error:
            failure = self._at(example, told(error), origin(self.page, error))
            self._failures.setdefault(example.name, []).append(failure)
            if example.kind == "lab":
                self._stop = example, failure

    def _reach(self, example: Example) -> None:
        if example.kind == "lab":
            self._begin_lab(example)
        elif example.kind == "rule":
            skipped = self._inapplicable(example)
            if skipped:
                self._skipped[example.name] = skipped
        elif example.kind == "sh":
            self._record(example, check_command(example, self._lab().tracepoints()))
        elif example.uapi:
            quoted = self.build.structure(example)
            self._record(
                example, check_structure(example, quoted, self._lab().struct(example.uapi))
            )
        elif example.object:
            self.build.separate_object(example.object)

    def _record(self, example: Example, failures: Any) -> None:
        found = list(failures)
        if found:
            self._failures.setdefault(example.name, []).extend(found)

    def _inapplicable(self, rule: Example) -> Skipped | None:
        """Why *rule* is not run here; ``None`` if it is."""
        if rule.needs and (self.engine.name != "model" or not rule.statements):
            return Skipped(f"needs {rule.needs}: modelled, not executed")
        release = _number(self.release)
        if rule.since and release < _number(rule.since):
            what = f"since {rule.since}, this is {self.release}"
            return OtherRelease(f"not in this release: {what}")
        if rule.until and release > _number(rule.until):
            what = f"until {rule.until}, this is {self.release}"
            return OtherRelease(f"not in this release: {what}")
        return None

    def _at(self, example: Example, message: str, details: tuple[str, ...]) -> Failure:
        excerpt = self.page.text.splitlines()[example.line - 1]
        return Failure(example.line, message, example.line, (excerpt,), (message, *details))

    def _lab(self) -> Lab:
        assert self.lab is not None, "the reader lets nothing run before a lab"
        return self.lab

    # Labs.

    def _begin_lab(self, example: Example) -> None:
        """Fresh devices, the page's objects loaded anew, fresh names."""
        built, shared = self.build.bpf_object, self.build.shared_object
        self.close()
        self.lab = lab = self.engine.open()
        self._resources.callback(lab.close)
        self.release = lab.release
        names: dict[str, Any] = {
            **PAGE_NAMES,
            "KernelError": KernelError,
            "frame": FRAME,
            "lab": lab,
            "lo": lab.lo,
            "__name__": "__page__",
        }
        self._add_devices(example, lab, names)
        objects = {f"{name}.bpf.o": path for name, path in self.build.separate_objects.items()}
        if built:
            objects[built.name] = built
            try:
                loaded = self._resources.enter_context(lab.load(built))
            except KernelError as error:
                raise self.build.not_loaded(error) from None
            names |= {name: map for name, map in loaded.maps.items() if name.isidentifier()}
            names |= loaded.programs
        if shared:
            program = UserProgram(shared, lab, objects)
            self._resources.callback(program.close)
            names |= program.functions
        names |= self.build.separate_objects
        self.names = names

    def _add_devices(self, example: Example, lab: Lab, names: dict[str, Any]) -> None:
        for written in example.devices:
            name, _, peer = written.partition("--")
            if peer:
                names[name] = lab.veth(name, peer)
                names[peer] = names[name].peer
            else:
                names[name] = lab.tap(name)


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".")[:2])
