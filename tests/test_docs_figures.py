# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Figures are well-formed, stay within their frame, and fit a phone."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import pytest

from tests.docs_site import PROJECT

sys.path.insert(0, str(PROJECT / "docs" / "_ext"))

from executed_pages import lab_figure, redirect_figure

PHONE = 340


def drawings(svg: str) -> list[ElementTree.Element]:
    """The SVG images in *svg*."""
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", svg, re.DOTALL)]


def shapes(drawing: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return drawing.findall(f"{{http://www.w3.org/2000/svg}}{name}")


LABS = ["", "eth0", "eth0 eth1 eth2", "eth0 veth0--veth1", "a--b c--d e--f g h i j k l m"]


@pytest.mark.parametrize("devices", LABS)
def test_a_lab_shows_every_device_once(devices: str) -> None:
    parsed = lab_figure.parse_devices(devices)
    names = sorted([*devices.replace("--", " ").split(), "lo"])
    for drawing in drawings(lab_figure.draw(parsed)):
        texts = [text.text for text in shapes(drawing, "text") if text.get("class") == "name"]
        assert sorted(text for text in texts if text) == names


@pytest.mark.parametrize("devices", LABS)
def test_the_last_drawing_of_a_lab_fits_a_phone(devices: str) -> None:
    drawing = drawings(lab_figure.draw(lab_figure.parse_devices(devices)))[-1]
    assert float(drawing.get("width", "")) <= PHONE


@pytest.mark.parametrize("devices", LABS)
def test_devices_stay_inside_the_drawing(devices: str) -> None:
    for drawing in drawings(lab_figure.draw(lab_figure.parse_devices(devices))):
        width, height = float(drawing.get("width", "")), float(drawing.get("height", ""))
        for box in shapes(drawing, "rect"):
            assert float(box.get("x", "")) + float(box.get("width", "")) <= width
            assert float(box.get("y", "")) + float(box.get("height", "")) <= height


def test_the_redirect_figure_fits_a_page_and_a_phone() -> None:
    wide, narrow = drawings(redirect_figure.draw())
    assert float(wide.get("width", "")) <= 736
    assert float(narrow.get("width", "")) <= PHONE


def test_every_figure_can_be_read_out() -> None:
    for drawing in drawings(redirect_figure.draw() + lab_figure.draw(())):
        assert drawing.get("role") == "img"
        assert shapes(drawing, "title")
        assert shapes(drawing, "desc")
