# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What many tests begin with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.lab import Lab
from tests.switch import Switch
from tests.wide import Wide


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
