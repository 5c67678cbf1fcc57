# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ``xdpspec fuzz`` does between reading its options and printing."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import kernel_impl
from kernel_impl.maps import cpus, nr_cpus
from kernel_impl.packets import small_head
from kernel_impl.release import release as running_release
from kernel_impl.version import commit, version
from spec import ModelLab
from spec.errors import InputError
from spec.lab import Lab
from spec.release import DEFAULT, Release
from spec.testing.differential.area import Pair
from spec.testing.differential.areas import AREAS
from spec.testing.differential.campaign import Limits, Pairs, Result, run_campaign
from spec.testing.differential.mutations import MUTATIONS, Noticed, notice
from spec.testing.differential.script import program
from spec.testing.differential.shrink import Failure, Shrinker
from spec.testing.toolchain import bpf_compiler

KERNEL, MODEL = "kernel", "model"
SHRINKING_S = 600.0
MOST_STEPS = 20_000
"""Steps within which a mutation has to be noticed."""


class Request(NamedTuple):
    """What was asked for."""

    limits: Limits
    seed: int
    workers: int
    against: str = KERNEL


class Found(NamedTuple):
    """A difference made small, and the two ways to see it again."""

    failure: Failure
    came_again: bool
    seed: int
    session: int
    program: str
    page: str


def lacking(request: Request) -> Iterator[str]:
    """One line for each thing that this machine has not, with its remedy."""
    if request.against == KERNEL and (problem := kernel_impl.missing()):
        yield problem
    yield from compilers_lacking()


def compilers_lacking() -> Iterator[str]:
    """The same of what is compiled before a search."""
    try:
        bpf_compiler()
    except InputError as error:
        yield str(error)


def check(request: Request) -> None:
    """``InputError`` for what there is not."""
    if request.against != KERNEL:
        kind, _, release = request.against.partition(":")
        if kind != MODEL:
            problem, remedy = f"no engine {kind!r}", "it is kernel, model or model:5.10"
            raise InputError("--against", problem, remedy)
        Release(release or DEFAULT)


def search(request: Request, name: str, told: Callable[[int], None]) -> Result:
    """A campaign in the area *name*."""
    workers = request.workers or len(os.sched_getaffinity(0))
    return run_campaign(
        AREAS[name], pairs(request.against), request.seed, request.limits, workers, told
    )


def explain(request: Request, result: Result, told: Callable[[int], None]) -> Found:
    """Make the failure of *result* small; *told* of the steps that are left."""
    assert result.failed is not None
    assert result.failed.failure is not None
    number = result.failed.number
    pair = pairs(request.against)(number)
    shrinker = Shrinker(result.failed.failure, pair, SHRINKING_S, told)
    small = shrinker.shrink()
    where = f" on Linux {os.uname().release}" if request.against == KERNEL else ""
    title = f"What xdpspec fuzz --area {result.area} --seed {result.seed} found{where}."
    body = small.area.python(small.steps, small.difference)
    page = small.area.page(small.steps, small.difference, pair.kernel)
    again = shrinker.came_again
    return Found(small, again, result.seed, number, program(title, body), page)


def break_on_purpose(request: Request, name: str) -> Iterator[Noticed]:
    """What comes of each mutation of the area *name*, one after the other."""
    for mutation in MUTATIONS.get(name, ()):
        most = request.limits.steps or MOST_STEPS
        yield notice(AREAS[name], pairs(request.against), mutation, request.seed, most)


def pairs(against: str) -> Pairs:
    """The engines of each session: the model, and what it is compared with."""
    if against == KERNEL:
        return partial(_with_kernel, sorted(os.sched_getaffinity(0)))
    release = against.partition(":")[2] or DEFAULT
    return lambda _: Pair(ModelLab, partial(ModelLab, release))


def _with_kernel(allowed: list[int], number: int) -> Pair:
    """Sessions take turns on the CPUs that we may use; the kernel's lab stays where it opens."""
    cpu = allowed[number % len(allowed)]

    def kernel() -> Lab:
        os.sched_setaffinity(0, {cpu})
        return kernel_impl.KernelLab()

    model = partial(
        ModelLab,
        running_release(),
        cpus=cpus(),
        cpu=cpu,
        nr_cpus=nr_cpus(),
        small_head=small_head(),
    )
    return Pair(model, kernel, cpu)


def record_line(request: Request, result: Result, found: Found | None) -> str:
    """What a campaign has done, as a line of JSON; *found* if somebody waited for it."""
    failure = result.failed.failure if result.failed else None
    about: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "area": result.area,
        "seed": result.seed,
        "part": list(request.limits.part),
        "sessions": result.sessions,
        "steps": result.steps,
        "counted": result.counted,
        "seconds": round(result.seconds, 1),
        "workers": request.workers or len(os.sched_getaffinity(0)),
        "against": request.against,
        "kernel": os.uname().release if request.against == KERNEL else "",
        "machine": platform.machine(),
        "version": version(),
        "commit": commit(),
        "difference": str(failure.difference) if failure else "",
        "came_again": found.came_again if found else None,
    }
    return json.dumps(about) + "\n"
