# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How long a fresh interpreter takes until the model is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

from tests.bench.control import TURNS
from tests.bench.row import Effort, Goal, Row

PROJECT = Path(__file__).parents[2]

SCRIPT = f"""
from time import perf_counter_ns as now
from tests.bench.control import control
start = now()
control({TURNS})
between = now()
import spec
{{statement}}
print((now() - between) / 1e6, (between - start) / {TURNS})
"""

TASKS = {
    "import spec": "",
    "import spec; spec.ModelLab()": "spec.ModelLab()",
}


def measure(effort: Effort) -> list[Row]:
    """The rows about starting; the modules' bytecode is there already."""
    return [_row(title, statement, effort) for title, statement in TASKS.items()]


def _row(title: str, statement: str, effort: Effort) -> Row:
    _start(statement)
    # Interpreters are slow to start, and each is a fresh sample anyway.
    rounds = max(1, effort.rounds // 3)
    times, controls = zip(*(_start(statement) for _ in range(rounds)), strict=True)
    value, drift = median(times), max(controls) / min(controls)
    return Row(
        title,
        "fresh interpreter",
        "",
        Goal("<=", 50),
        unit="ms",
        value=value,
        figure=value,
        control=median(controls),
        drift=drift,
    )


def _start(statement: str) -> tuple[float, float]:
    command = [sys.executable, "-c", SCRIPT.format(statement=statement)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    milliseconds, control = done.stdout.split()
    return float(milliseconds), float(control)
