# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which of several reasons a device that can't have a program gives, release by release."""

from __future__ import annotations

import pytest

from tests.refusal import refusal
from tests.switch import OpenRelease


@pytest.mark.parametrize(
    ("text", "reason"), [("6.18", "EEXIST"), ("7.2", "EOPNOTSUPP"), ("6.1", "EOPNOTSUPP")]
)
def test_a_generic_program_came_before_a_driver_without_xdp(
    release: OpenRelease, text: str, reason: str
) -> None:
    switch = release(text)
    switch.lab.lo.attach(switch.programs["follows"], "generic")
    refused = refusal(switch.lab.lo.attach, switch.programs["follows"], "native")
    assert refused == reason


@pytest.mark.parametrize(
    ("text", "reason"), [("6.18", "EINVAL"), ("7.2", "EOPNOTSUPP"), ("6.12", "EOPNOTSUPP")]
)
def test_a_program_made_for_entries_came_before_a_driver_without_xdp(
    release: OpenRelease, text: str, reason: str
) -> None:
    switch = release(text)
    refused = refusal(switch.lab.lo.attach, switch.programs["entry_pass"], "native")
    assert refused == reason


@pytest.mark.parametrize("text", ["6.18", "7.2"])
def test_a_program_of_an_upper_device_comes_first(release: OpenRelease, text: str) -> None:
    switch = release(text)
    below = switch.lab.bridge("below")
    switch.lab.macvlan("above", below).attach(switch.programs["follows"], "generic")
    assert refusal(below.attach, switch.programs["follows"], "native") == "EEXIST"
