# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What many tests begin with."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from spec import ModelLab
from spec.lab import Lab, Program
from tests.bpf_pieces import ENTRIES
from tests.cpumap_programs import Farm
from tests.switch import OpenRelease, Switch
from tests.wide import Wide


@pytest.fixture(scope="session", autouse=True)
def heard_interrupts() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, and so would every command of ours."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def switch(lab: Lab, compile_bpf: Callable[..., Path]) -> Switch:
    """Four taps; the first has a native program that does what frames ask for."""
    return Switch(lab, compile_bpf)


@pytest.fixture
def generic(lab: Lab, compile_bpf: Callable[..., Path]) -> Switch:
    """The same with a generic program."""
    return Switch(lab, compile_bpf, "generic")


@pytest.fixture
def wide(lab: Lab, compile_bpf: Callable[..., Path]) -> Wide:
    """A veth that receives frames of several fragments, with a native program."""
    return Wide(lab, compile_bpf)


@pytest.fixture
def labs() -> Iterator[ExitStack]:
    """Closes the labs that a test opens."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def release(labs: ExitStack, compile_bpf: Callable[..., Path]) -> OpenRelease:
    """``release("5.10")``: the usual four taps in a lab of that release."""

    def open_one(text: str, mode: str = "native") -> Switch:
        return Switch(labs.enter_context(ModelLab(text)), compile_bpf, mode)

    return open_one


@pytest.fixture
def wide_release(labs: ExitStack, compile_bpf: Callable[..., Path]) -> Callable[..., Wide]:
    """The same for frames with fragments."""

    def open_one(text: str, mode: str = "native") -> Wide:
        return Wide(labs.enter_context(ModelLab(text)), compile_bpf, mode)

    return open_one


@pytest.fixture
def programs(lab: Lab, compile_bpf: Callable[..., Path]) -> Mapping[str, Program]:
    """Programs of every kind that a map may be asked to hold."""
    return lab.load(compile_bpf(ENTRIES, "entries")).programs


@pytest.fixture
def farm(lab: Lab, compile_bpf: Callable[..., Path]) -> Farm:
    """Two taps; the first has a native program that gives frames to CPUs."""
    return Farm(lab, compile_bpf)


@pytest.fixture(params=["native", "generic"])
def either(lab: Lab, compile_bpf: Callable[..., Path], request: pytest.FixtureRequest) -> Farm:
    """The same with a native and with a generic program."""
    return Farm(lab, compile_bpf, request.param)
