# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Draws the way of a redirected frame: look up, enqueue, flush."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

from executed_pages.markup import box, drawing
from executed_pages.svg import Canvas, text_width

WIDE, NARROW = 712.0, 328.0
_HEIGHT, _GAP, _TOP = 266.0, 32.0, 34.0

DESCRIPTION = (
    "Step 1, for each frame: the program calls bpf_redirect_map(), which looks up slot 2 of "
    "tx_port, remembers its device eth1 for this CPU and returns XDP_REDIRECT; without an entry "
    "it returns the fallback verdict instead. "
    "Step 2, for each frame: the driver calls xdp_do_redirect(), which appends the frame to the "
    "bulk queue of eth1, with room for 16 frames, and fires xdp_redirect; if eth1 cannot take it, "
    "xdp_redirect_err fires and the frame is dropped. "
    "Step 3, at the end of the NAPI poll or when the queue is full: xdp_do_flush() runs the "
    "entry's program on each queued frame and hands what passes to the driver of eth1; "
    "xdp_devmap_xmit says how many were sent and how many dropped."
)


@dataclass(frozen=True)
class Step:
    """One of the three panels."""

    title: str
    function: str
    caption: tuple[str, str]
    outcome: str
    """The verdict or tracepoint of a frame that gets on."""
    otherwise: str
    sketch: Callable[[Canvas, float, float, float], None]


def draw() -> str:
    """The figure, side by side for wide pages and one below the other for narrow ones."""
    return _draw_wide() + _draw_narrow()


def _sketch_lookup(canvas: Canvas, x: float, y: float, width: float) -> None:
    cell = 30.0
    start = x + (width - 4 * cell) / 2
    canvas.text(x + width / 2, y + 4, "tx_port", "name small")
    for slot in range(4):
        hit = slot == 2
        canvas.rect(start + slot * cell, y + 12, cell, 26, "cell hit" if hit else "cell", 2)
        canvas.text(start + slot * cell + cell / 2, y + 29, str(slot), "name small")
    middle = start + 2.5 * cell
    canvas.arrow(middle, y + 38, middle, y + 54, "wire strong")
    canvas.text(middle, y + 69, "eth1", "name small strong")


def _sketch_queue(canvas: Canvas, x: float, y: float, width: float) -> None:
    cell, cells, filled = 11.0, 16, 5
    start = x + (width - cells * cell) / 2
    canvas.text(x + width / 2, y + 4, "bulk queue of eth1", "kind")
    for number in range(cells):
        style = "cell frame" if number < filled - 1 else "cell hit" if number < filled else "cell"
        canvas.rect(start + number * cell, y + 14, cell, 22, style, 1)
    arrow = start + (filled - 0.5) * cell
    canvas.arrow(arrow, y + 58, arrow, y + 40, "wire strong")
    canvas.text(arrow + 9, y + 61, "frame", "kind", "start")


def _sketch_flush(canvas: Canvas, x: float, y: float, width: float) -> None:
    start = x + (width - 190) / 2
    for number in range(5):
        canvas.rect(start + number * 8, y + 18, 8, 22, "cell frame", 1)
    canvas.arrow(start + 44, y + 29, start + 60, y + 29, "wire strong")
    canvas.rect(start + 64, y + 14, 58, 30, "program", 4)
    canvas.text(start + 93, y + 33, "program", "kind")
    canvas.arrow(start + 126, y + 29, start + 142, y + 29, "wire strong")
    canvas.rect(start + 146, y + 14, 44, 30, "device", 4)
    canvas.text(start + 168, y + 33, "eth1", "name small strong")
    canvas.text(start + 93, y + 61, "of the entry, if it has one", "kind")


STEPS = (
    Step(
        "Look up",
        "bpf_redirect_map()",
        ("The program asks; the target is", "remembered for this CPU."),
        "XDP_REDIRECT",
        "no entry: the fallback verdict",
        _sketch_lookup,
    ),
    Step(
        "Enqueue",
        "xdp_do_redirect()",
        ("The driver obeys the verdict;", "the frame waits in a queue."),
        "xdp_redirect",
        "cannot: xdp_redirect_err, dropped",
        _sketch_queue,
    ),
    Step(
        "Flush",
        "xdp_do_flush()",
        ("Programs run on what is queued;", "the driver sends what passes."),
        "xdp_devmap_xmit",
        "not sent: counted there as drops",
        _sketch_flush,
    ),
)


def _draw_panel(canvas: Canvas, number: int, x: float, y: float, width: float) -> None:
    step = STEPS[number - 1]
    canvas.rect(x + 0.5, y + 0.5, width - 1, _HEIGHT - 1, "panel", 8)
    canvas.circle(x + 24, y + 25, 11, "number")
    canvas.text(x + 24, y + 29.5, str(number), "number-text")
    canvas.text(x + 43, y + 30, step.title, "title", "start")
    canvas.text(x + 14, y + 56, step.function, "name", "start")
    step.sketch(canvas, x, y + 78, width)
    for line, text in enumerate(step.caption):
        canvas.text(x + 14, y + 170 + 16 * line, text, "caption", "start")
    canvas.path(f"M{x + 14:g} {y + 201:g}H{x + width - 14:g}", "rule-line")
    tag = text_width(step.outcome, 11.5) + 14
    canvas.rect(x + 14, y + 212, tag, 21, "event", 4)
    canvas.text(x + 14 + tag / 2, y + 226.5, step.outcome, "event-text")
    canvas.text(x + 14, y + 252, step.otherwise, "kind", "start")


def _draw_span(canvas: Canvas, x: float, width: float, y: float, text: str) -> None:
    canvas.path(f"M{x + 4:g} {y:g}v-6h{width - 8:g}v6", "bracket")
    canvas.text(x + width / 2, y - 12, text, "kind")


def _draw_wide() -> str:
    canvas = Canvas()
    width = (WIDE - 2 * _GAP) / 3
    _draw_span(canvas, 0, 2 * width + _GAP, _TOP - 6, "for each frame")
    _draw_span(canvas, WIDE - width, width, _TOP - 6, "at the end of the poll, or when full")
    for number in (1, 2, 3):
        x = (number - 1) * (width + _GAP)
        _draw_panel(canvas, number, x, _TOP, width)
        if number < 3:
            middle = _TOP + 107
            canvas.arrow(x + width + 5, middle, x + width + _GAP - 5, middle, "wire strong")
    style = "redirect-drawing wide"
    return canvas.svg(WIDE, _TOP + _HEIGHT, style, "The three steps of XDP_REDIRECT", DESCRIPTION)


def _draw_narrow() -> str:
    canvas = Canvas()
    y = 24.0
    middle = NARROW / 2
    canvas.text(middle, 12, "for each frame", "kind")
    for number in (1, 2, 3):
        _draw_panel(canvas, number, 0, y, NARROW)
        y += _HEIGHT
        if number < 3:
            canvas.arrow(middle, y + 5, middle, y + 27, "wire strong")
            if number == 2:
                canvas.text(middle + 12, y + 20, "end of the poll, or full", "kind", "start")
            y += 32
    style = "redirect-drawing narrow"
    return canvas.svg(NARROW, y, style, "The three steps of XDP_REDIRECT", DESCRIPTION)


class RedirectFigureDirective(SphinxDirective):
    """The figure; its content, if any, is the caption."""

    has_content = True
    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        figure = box(drawing(draw(), DESCRIPTION), tag="figure", classes="redirect-figure")
        if self.content:
            figure += box(
                *self.parse_content_to_nodes(), tag="figcaption", classes="figure-caption"
            )
        self.set_source_info(figure)
        return [figure]
