# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The console script ``xdpspec``."""

from __future__ import annotations

import sys

import click

from kernel_impl.check import check
from kernel_impl.fuzz import fuzz
from kernel_impl.guests.command import guests
from kernel_impl.pages import pages
from kernel_impl.probes import Answer, findings
from kernel_impl.replay import replay
from kernel_impl.version import version


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version(), prog_name="xdpspec")
def main() -> None:
    """Run the reference on Linux XDP redirection against this machine."""


main.add_command(check)
main.add_command(pages)
main.add_command(fuzz)
main.add_command(replay)
main.add_command(guests)


@main.command()
def probe() -> None:
    """Say what the live kernel needs and whether it is here.

    One line for each prerequisite: yes, no or can't tell, and what helps. Exit status 1 if one is
    missing.
    """
    found = list(findings())
    width = max(len(finding.name) for finding in found)
    for finding in found:
        line = f"{finding.name:{width}}  {finding.answer.value}"
        if finding.remedy:
            line += f"  {finding}"
        elif finding.problem:
            line += f"  {finding.problem}"
        click.echo(line)
    sys.exit(any(finding.answer is not Answer.YES for finding in found))
