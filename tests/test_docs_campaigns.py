# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The page about the search shows what was recorded, and nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from spec.testing.differential.areas import AREAS
from spec.testing.differential.corpus import area_of, read_corpus
from spec.testing.differential.exclusions import EXCLUSIONS
from tests.docs_site import PROJECT

sys.path.insert(0, str(PROJECT / "docs" / "_ext"))

from executed_pages import campaigns

CAMPAIGNS = sorted((PROJECT / "docs" / "campaigns").glob("*.jsonl"))
SVG = "{http://www.w3.org/2000/svg}"


def run(
    steps: int,
    difference: str = "",
    counted: dict[str, int] | None = None,
    came_again: bool | None = True,
) -> dict[str, object]:
    """What a plot and the totals need to know of a campaign, which took a minute."""
    return {
        "steps": steps,
        "difference": difference,
        "came_again": came_again,
        "seconds": 60.0,
        "counted": counted or {},
    }


def test_a_difference_that_nobody_saw_the_end_of_is_one() -> None:
    (_, _, _, differences, *_) = campaigns._total("6.18", "maps", [run(5, "x", came_again=None)])
    assert differences == "1"


def test_a_plot_has_a_point_for_each_campaign() -> None:
    drawing = ElementTree.fromstring(campaigns.draw("maps", [run(1000), run(9000, "x"), run(5)]))
    points = [
        (float(each.attrib["cx"]), float(each.attrib["cy"]))
        for each in drawing.findall(f"{SVG}circle")
    ]
    assert len(points) == 4
    assert points == sorted(points, key=lambda point: point[0])
    assert [point[1] for point in points[1:]] == sorted((p[1] for p in points[1:]), reverse=True)
    description = drawing.findtext(f"{SVG}desc")
    assert description == "1 difference found in 10,005 steps of 3 campaigns"


def test_totals_say_how_much_was_done_since_the_last_difference() -> None:
    runs = [
        run(1000),
        run(9000, "x"),
        run(5, counted={"frames": 7}),
        run(15, "y", counted={"frames": 3}, came_again=False),
    ]
    kernel, area, *told = campaigns._total("6.18", "maps", runs)
    assert (kernel, area) == ("6.18", "maps")
    assert told == ["10,020 (10 frames)", "1, 1 of time", "20", "4 min"]


@pytest.mark.parametrize("path", CAMPAIGNS, ids=[path.stem for path in CAMPAIGNS])
def test_what_was_recorded_can_be_shown(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["area"] in AREAS
        assert len(campaigns._cells(json.loads(line))) == len(campaigns.HEADER)


def test_every_exclusion_has_an_area_and_a_reason() -> None:
    assert all(each.area in AREAS and each.what and each.why for each in EXCLUSIONS)


def test_every_case_says_what_was_found() -> None:
    for case in read_corpus(PROJECT / "tests" / "differential" / "corpus"):
        assert case.found.endswith(".")
        assert area_of(case, AREAS).name == case.area
