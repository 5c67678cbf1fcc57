# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What can be run here: ``nox --list``. Without arguments, everything that must hold."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "tests", "docs"]
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True

PROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str) -> None:
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, "compiler", *groups))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types."""
    install(session, "lint", "tests", "docs")
    session.install("nox")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test and every page, on the model and, where it can be had, the live kernel."""
    install(session, "tests", "docs")
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def kernel(session: nox.Session) -> None:
    """Run on the live kernel only, and fail if that is not possible."""
    install(session, "tests", "docs")
    session.run("pytest", "-m", "kernel", "--demand-kernel", *session.posargs)


@nox.session(default=False)
def kernels(session: nox.Session) -> None:
    """Run the pages on other kernels, in virtual machines: the usual ones, or those named."""
    install(session)
    session.run("xdpspec", "guests", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the model's speed, and write the table that the guide on speed shows."""
    install(session, "tests", "docs")
    session.run("python", "-m", "tests.bench", *session.posargs)


@nox.session(default=False)
def endurance(session: nox.Session) -> None:
    """Check the live kernel 100 times, two at a time, and count what is left behind."""
    install(session, "tests", "docs")
    session.run("python", "-m", "tests.endurance", *session.posargs)


@nox.session(default=False)
def fleet(session: nox.Session) -> None:
    """Check the kernels of what tmt provisions: ``nox -s fleet -- provision --how virtual``."""
    install(session, "tests", "fleet")
    session.run("python", "-m", "tests.fleet", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every page, then build the pages strictly and say where they are."""
    install(session, "docs")
    session.run("pytest", "docs", *session.posargs)
    strict = ("-n", "-W", "--keep-going")
    session.run("sphinx-build", *strict, "-q", "-b", "html", "docs", "build/html")
    session.log("The pages are in build/html: open build/html/index.html")
