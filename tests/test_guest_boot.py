# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One guest for real: a kernel of the archive boots, runs a command, and everything is there."""

from __future__ import annotations

import pytest

from kernel_impl.guests import tools
from kernel_impl.guests.guest import Ending, run
from kernel_impl.guests.kernels import find_kernel
from spec.errors import InputError

RELEASE = "6.1"


def test_a_kernel_of_the_archive_boots_and_has_what_pages_need() -> None:
    lacking = tools.lacking([RELEASE])
    if lacking:
        pytest.skip("; ".join(lacking))
    try:
        kernel = find_kernel(RELEASE)
    except InputError as error:
        pytest.skip(str(error))
    guest = run(kernel, ["probe"])
    assert guest.ending is Ending.FINISHED, "\n".join(guest.console)
    answers = {line.split("  ")[0]: line.split()[-1] for line in guest.stdout.splitlines()}
    assert set(answers.values()) == {"yes"}, guest.stdout + guest.stderr
    assert guest.status == 0
    assert guest.release.startswith(f"{RELEASE}.")
