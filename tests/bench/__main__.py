# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Measures, prints the table and writes it where the documentation finds it."""

from __future__ import annotations

from pathlib import Path

import click

from tests.bench import machine, maps, redirect, start
from tests.bench.row import Effort
from tests.bench.table import lines, write

FOLDER = Path(__file__).parents[2] / "docs" / "bench"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", default=30, show_default=True, type=click.IntRange(1))
@click.option(
    "--share",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Do everything less often; figures then say little.",
)
@click.option("--folder", default=FOLDER, type=click.Path(path_type=Path), help="Where to write.")
def main(rounds: int, share: float, folder: Path) -> None:
    """Measure the ratios that the model promises, each pair in one process, turn by turn."""
    effort = Effort(rounds, share)
    rows = [row for part in (machine, redirect, maps, start) for row in part.measure(effort)]
    for line in lines(rows):
        click.echo(line)
    click.echo(f"Written to {write(rows, folder)}")


main(prog_name="python -m tests.bench")
