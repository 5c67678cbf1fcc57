# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The pytest plugin: collects pages, offers ``lab`` and ``compile_bpf`` to tests, writes evidence.

A ``conftest.py`` that loads it says by ``pytest_xdpspec_engines`` which engines there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spec.lab import Lab
from spec.testing import compiler
from spec.testing.engine import Engine
from spec.testing.folder import SUFFIXES, has_lab
from spec.testing.items import PageFile, require
from spec.testing.recorder import Recorder

_ENGINES = pytest.StashKey[tuple[Engine, ...]]()


class Hooks:
    """What a ``conftest.py`` tells this plugin."""

    @pytest.hookspec(firstresult=True)
    def pytest_xdpspec_engines(self) -> tuple[Engine, ...]:  # type: ignore[empty-body]
        """The engines that pages and tests run on, in this order."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("xdpspec", "pages that prove themselves")
    group.addoption(
        "--backend",
        choices=("model", "kernel", "all"),
        default="all",
        help="run pages and `lab` tests on the reference model, the live kernel, or both",
    )
    group.addoption(
        "--demand-kernel",
        action="store_true",
        help="fail, rather than skip, what the live kernel cannot run here",
    )
    parser.addini(
        "xdpspec_evidence",
        "folder that a run's evidence is written to; pages are looked for beside it",
        default="docs/evidence",
    )


def pytest_configure(config: pytest.Config) -> None:
    for name in ("model", "kernel"):
        config.addinivalue_line("markers", f"{name}: runs on the {name} engine")
    if not hasattr(config, "workerinput"):  # xdist: only the controller sees every outcome
        config.pluginmanager.register(Recorder(config.rootpath, evidence_folder(config)))


def evidence_folder(config: pytest.Config) -> Path:
    return config.rootpath / str(config.getini("xdpspec_evidence"))


def engines(config: pytest.Config) -> tuple[Engine, ...]:
    """The engines that ``--backend`` asks for."""
    if _ENGINES not in config.stash:
        wanted = config.getoption("backend")
        known: tuple[Engine, ...] = config.hook.pytest_xdpspec_engines() or ()
        config.stash[_ENGINES] = tuple(e for e in known if wanted in ("all", e.name))
    return config.stash[_ENGINES]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PageFile | None:
    """Every page of the documentation, and whatever else has a lab."""
    if file_path.suffix not in SUFFIXES:
        return None
    documented = file_path.is_relative_to(evidence_folder(parent.config).parent)
    if documented or has_lab(file_path):
        return PageFile.of(parent, file_path, engines(parent.config))
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for ``lab`` or ``engine`` runs once on each engine."""
    if "engine" in metafunc.fixturenames:
        chosen = [
            pytest.param(engine, marks=getattr(pytest.mark, engine.name), id=engine.name)
            for engine in engines(metafunc.config)
        ]
        metafunc.parametrize("engine", chosen, indirect=True, scope="function")


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn; the test is skipped on one that cannot run here."""
    found: Engine = request.param
    require(found, request.node)
    return found


@pytest.fixture
def lab(engine: Engine) -> Iterator[Lab]:
    """A fresh lab, on each engine in turn."""
    with engine.open() as opened:
        yield opened


@pytest.fixture
def compile_bpf() -> Callable[..., Path]:
    """``compile_bpf(source, name)``: the path of an object file for the BPF target."""
    return compiler.compile_bpf
