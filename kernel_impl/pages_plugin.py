# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``pytest --pages FOLDER``, wherever this package is installed.

An entry point, not part of a ``conftest.py``: pytest looks for that in FOLDER, an option of whose
name it does not yet know.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("xdpspec", "pages that prove themselves").addoption(
        "--pages",
        metavar="FOLDER",
        action="append",
        default=[],
        help="judge the C blocks of somebody else's reST or Markdown pages in FOLDER: compile each "
        "and load what can be loaded, on the live kernel or else the model; may be repeated",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Pytest may take FOLDER for the root of the tests, where it would leave a cache."""
    if early_config.known_args_namespace.pages:
        for name in ("cacheprovider", "stepwise"):
            if early_config.pluginmanager.has_plugin(name):
                early_config.pluginmanager.unregister(name=name)


def pytest_configure(config: pytest.Config) -> None:
    if folders := config.getoption("pages"):
        from kernel_impl.pages import engines
        from spec.testing.foreign.plugin import ForeignPages, read_places

        places = [config.invocation_params.dir / folder for folder in folders]
        trees = read_places(list(dict.fromkeys(places)))
        config.pluginmanager.register(ForeignPages(config, trees, engines()))
