# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What makes a strict build fail: evidence that is missing, stale, failed, or about nothing."""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from executed_pages.domain import Example, Page, PagesDomain, pages_domain
from executed_pages.evidence import Outcome, disagreeing

UNPROVEN = {Outcome.ABSENT, Outcome.NOT_RUN}

log = logging.getLogger(__name__)


def check_evidence(app: Sphinx, env: BuildEnvironment) -> None:  # noqa: ARG001
    """Warn about every example that the evidence does not prove as it stands."""
    domain = pages_domain(env)
    for docname, page, example in domain.examples():
        _check_example(domain, docname, page, example)
    for docname, page in sorted(domain.pages.items()):
        _check_executed(domain, docname, page)
    _check_leftovers(domain)
    _check_additions(domain)


def _check_example(domain: PagesDomain, docname: str, page: Page, example: Example) -> None:
    place = (docname, example.line)
    outcomes = domain.outcomes(docname, example.name)
    for run in domain.runs:
        outcome = outcomes[run.name]
        if outcome is Outcome.STALE:
            log.warning(
                "%s changed since it ran on %s; run the pages there again, or remove evidence/%s",
                example.name, run.name, run.file, location=place, type="evidence", subtype="stale",
            )  # fmt: skip
        elif outcome is Outcome.FAILED:
            others = disagreeing(domain.runs, run, page.path, example.name, example.digest)
            dispute = f" (it held on {', '.join(other.name for other in others)})" if others else ""
            log.warning(
                "%s failed on %s%s: %s", example.name, run.name, dispute,
                " ".join(run.reason(page.path, example.name).split()) or "no reason recorded",
                location=place, type="evidence", subtype="failed",
            )  # fmt: skip


def _check_executed(domain: PagesDomain, docname: str, page: Page) -> None:
    expected = [example for example in page.examples.values() if not example.needs]
    missing = [
        example
        for example in expected
        if set(domain.outcomes(docname, example.name).values()) <= UNPROVEN
    ]
    remedy = "run the pages on the model or on a kernel"
    if len(missing) == len(expected) > 1:
        log.warning("none of the %d examples was ever executed; %s", len(expected), remedy,
                    location=docname, type="evidence", subtype="missing")  # fmt: skip
        return
    for example in missing:
        log.warning("%s was never executed; %s", example.name, remedy,
                    location=(docname, example.line), type="evidence",
                    subtype="missing")  # fmt: skip


def _check_leftovers(domain: PagesDomain) -> None:
    paths = {page.path: (docname, page) for docname, page in domain.pages.items()}
    for run in domain.runs:
        for path, name in run.results:
            docname, page = paths.get(path, ("", None))
            if page is not None and name not in page.examples:
                log.warning(
                    "evidence of %s is about %s, which the page does not have; run the pages again",
                    run.name, name, location=docname, type="evidence", subtype="stale",
                )  # fmt: skip


def _check_additions(domain: PagesDomain) -> None:
    """Examples that a page has got since it ran somewhere."""
    for docname, page, example in domain.examples():
        for run in domain.runs:
            knows_page = any(path == page.path for path, _ in run.results)
            if knows_page and (page.path, example.name) not in run.results:
                log.warning(
                    "%s is newer than the evidence of %s; run the pages there again",
                    example.name, run.name, location=(docname, example.line), type="evidence",
                    subtype="stale",
                )  # fmt: skip
