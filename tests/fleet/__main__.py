# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``python -m tests.fleet provision --how virtual --image fedora``: run the plan with tmt.

Builds the wheel that goes along, runs tmt, and copies the evidence that machines wrote to
``docs/evidence/``. Everything after the command's name is for ``tmt run``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from spec.errors import InputError
from spec.testing.evidence import checked, column
from tests.page_project import ROOT

PLAN = Path(__file__).parent
WHEEL = PLAN / "wheel"
EVIDENCE = ROOT / "docs" / "evidence"


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def main(options: tuple[str, ...]) -> None:
    """Run the plan; exit status as tmt's (0 all held, 1 something differs, 2 errors)."""
    tmt = find_tmt()
    if tmt is None:
        raise click.ClickException("tmt is not installed; run `pip install tmt`")
    build_wheel()
    with tempfile.TemporaryDirectory(prefix="xdpspec-fleet-") as run:
        Path(run).chmod(0o755)
        command = [tmt, "--root", str(PLAN), "run", "--all", "--id", f"{run}/run", *options]
        status = subprocess.run(command).returncode
        kept = bring_home(Path(run), EVIDENCE)
    for file in kept:
        click.echo(f"evidence: {file.relative_to(ROOT)}")
    sys.exit(status)


def build_wheel() -> None:
    """The wheel of this very project, where the plan's test looks for it."""
    shutil.rmtree(WHEEL, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*command, "--wheel-dir", str(WHEEL), str(ROOT)], check=True)


def bring_home(run: Path, folder: Path) -> list[Path]:
    """Copy the evidence below *run* to *folder*, one file for each column."""
    kept = []
    for path in sorted(run.rglob("data/evidence.json")):
        try:
            record = checked(path)
        except InputError as error:
            click.echo(f"{path.relative_to(run)}: {error.problem}", err=True)
            continue
        name = "-".join(part.replace(" ", "-") for part in column(record) if part)
        kept.append(folder / f"{name}.json")
        shutil.copyfile(path, kept[-1])
    return kept


def find_tmt() -> str | None:
    """The command, beside this Python or wherever commands are."""
    return shutil.which("tmt", path=str(Path(sys.executable).parent)) or shutil.which("tmt")


if __name__ == "__main__":
    main()
