# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sphinx side of the pages: what they look like, and where each of their examples held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executed_pages import markup
from executed_pages.badges import ShowEvidence
from executed_pages.bench_table import BenchTableDirective
from executed_pages.blocks import PageCodeBlock
from executed_pages.campaigns import (
    CampaignFigureDirective,
    CampaignTableDirective,
    CampaignTotalsDirective,
    FoundTableDirective,
    NotComparedDirective,
)
from executed_pages.checks import check_evidence
from executed_pages.domain import PagesDomain
from executed_pages.downloads import DownloadsDirective, LinkDownloads, write_downloads
from executed_pages.evidence_summary import EvidenceSummaryDirective
from executed_pages.freshness import outdated_pages, remember_stamps
from executed_pages.lab import LabDirective
from executed_pages.overview import ShowOverviews
from executed_pages.pairing import pair_page
from executed_pages.published_table import PublishedTableDirective
from executed_pages.redirect_figure import RedirectFigureDirective
from executed_pages.release_table import ReleaseTableDirective
from executed_pages.rule import RuleDirective, RuleRole
from executed_pages.rules_index import RulesIndexDirective
from executed_pages.semantics_table import SemanticsTableDirective
from executed_pages.session import NAME, SessionLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_config_value("evidence_dir", "evidence", "env", (str,))
    markup.setup(app)
    app.add_domain(PagesDomain)
    app.add_lexer(NAME, SessionLexer)
    app.add_directive("code-block", PageCodeBlock, override=True)
    app.add_directive("sourcecode", PageCodeBlock, override=True)
    app.add_directive("lab", LabDirective)
    app.add_directive("rule", RuleDirective)
    app.add_directive("redirect-figure", RedirectFigureDirective)
    app.add_directive("rules-index", RulesIndexDirective)
    app.add_directive("release-table", ReleaseTableDirective)
    app.add_directive("evidence-summary", EvidenceSummaryDirective)
    app.add_directive("bench-table", BenchTableDirective)
    app.add_directive("campaign-totals", CampaignTotalsDirective)
    app.add_directive("campaign-table", CampaignTableDirective)
    app.add_directive("campaign-figure", CampaignFigureDirective)
    app.add_directive("found-table", FoundTableDirective)
    app.add_directive("not-compared", NotComparedDirective)
    app.add_directive("published-table", PublishedTableDirective)
    app.add_directive("semantics-table", SemanticsTableDirective)
    app.add_directive("downloads", DownloadsDirective)
    app.add_role("rule", RuleRole())
    app.add_post_transform(ShowOverviews)
    app.add_post_transform(ShowEvidence)
    app.add_post_transform(LinkDownloads)
    app.connect("env-get-outdated", outdated_pages)
    app.connect("doctree-read", pair_page)
    app.connect("env-updated", remember_stamps)
    app.connect("env-check-consistency", check_evidence)
    app.connect("build-finished", write_downloads)
    return {
        "version": "1",
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
