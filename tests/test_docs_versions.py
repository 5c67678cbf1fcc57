# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The page of changes says what the model's table says."""

from __future__ import annotations

from pathlib import Path

from spec.changes import CHANGES
from tests.docs_site import Site
from tests.test_docs_overviews import rows

VERSIONS = """\
Versions
========

.. release-table::
"""


def test_every_change_has_a_row_with_its_release_commit_and_backports(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.write(versions=VERSIONS)
    site.build()
    html = site.html("versions")
    shown = rows(html, "release-table")
    assert len(shown) == len(CHANGES)
    for change in CHANGES:
        (row,) = (row for row in shown if row.split()[1] == change.name)
        assert row.startswith(f"{change.release} ")
        assert row.endswith(", ".join(change.backports) or "–")
        assert not change.commit or f'href="https://git.kernel.org/linus/{change.commit}"' in html
    releases = [tuple(map(int, row.split()[0].split("."))) for row in shown]
    assert releases == sorted(releases)
