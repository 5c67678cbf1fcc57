# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``.. lab:: eth0 veth0--veth1``: fresh devices, drawn the first time and then named in a line."""

from __future__ import annotations

from typing import ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

from executed_pages.anchors import give_anchor
from executed_pages.lab_figure import Device, describe, draw, parse_devices
from executed_pages.markup import Box, box, drawing, span


class LabFigure(Box):
    """A lab; what it looks like is decided once the whole page is read."""


class LabDirective(SphinxDirective):
    """Begins a new lab: a bare name is a tap, ``a--b`` a veth pair."""

    required_arguments = 0
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        text = self.arguments[0] if self.arguments else ""
        figure = LabFigure(devices=parse_devices(text), tag="figure", classes=["lab"], extra={})
        self.set_source_info(figure)
        return [figure]


def lay_out_labs(document: nodes.document) -> None:
    """Name the labs of a page, draw their devices, and say "the same again" where they are."""
    before: tuple[Device, ...] | None = None
    for number, figure in enumerate(document.findall(LabFigure), start=1):
        figure["example"] = "lab" if number == 1 else f"lab-{number}"
        give_anchor(document, figure, figure["example"])
        _fill(figure, repeated=figure["devices"] == before)
        before = figure["devices"]


def _fill(figure: LabFigure, repeated: bool) -> None:
    devices: tuple[Device, ...] = figure["devices"]
    if repeated:
        figure["classes"].append("lab-again")
        figure += box(
            span("New lab", classes="lab-word"),
            span(" with the same devices, maps empty: ", classes="lab-words"),
            *_names(devices),
            tag="figcaption",
            classes="lab-caption",
        )
        return
    figure += drawing(f'<div class="lab-scroll">{draw(devices)}</div>', describe(devices))


def _names(devices: tuple[Device, ...]) -> list[nodes.Node]:
    shown: list[nodes.Node] = []
    for device in devices:
        text = f"{device.name} – {device.peer}" if device.peer else device.name
        shown += [span(text, tag="code", classes="lab-device"), nodes.Text(" ")]
    return shown
