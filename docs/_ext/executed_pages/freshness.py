# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Pages are built again when only their evidence changed, and so are the indexes of them all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from executed_pages.domain import pages_domain
from executed_pages.evidence import stamp

log = logging.getLogger(__name__)


def outdated_pages(
    app: Sphinx,
    env: BuildEnvironment,
    added: set[str],
    changed: set[str],
    removed: set[str],
) -> list[str]:
    """Read the evidence; the pages it says something new about."""
    domain = pages_domain(env)
    for problem in domain.read_evidence(Path(app.srcdir) / app.config.evidence_dir):
        log.warning("%s", problem, type="evidence", subtype="unreadable")
    outdated = []
    for docname, page in domain.pages.items():
        now = stamp(domain.runs, page.path)
        if domain.stamps.get(docname) != now:
            outdated.append(docname)
    domain.changed = bool(added or changed or removed or outdated)
    return outdated


def remember_stamps(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:  # noqa: ARG001
    """Note what evidence the pages just read were built with; the overviews to write again."""
    domain = pages_domain(env)
    for docname, page in domain.pages.items():
        domain.stamps[docname] = stamp(domain.runs, page.path)
    return sorted(domain.overviews) if domain.changed else []
