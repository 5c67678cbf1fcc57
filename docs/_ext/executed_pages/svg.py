# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Small pieces of SVG. Colours are classes that the style sheet defines for light and dark."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

MONO = 0.6
"""Width of a character of the monospaced font, in ems."""


@dataclass
class Canvas:
    """Shapes drawn one after the other; lengths in CSS pixels."""

    shapes: list[str] = field(default_factory=list)

    def rect(
        self, x: float, y: float, width: float, height: float, style: str, radius: float = 6
    ) -> None:
        self.shapes.append(
            f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            f'rx="{radius:g}"/>'
        )

    def circle(self, x: float, y: float, radius: float, style: str) -> None:
        self.shapes.append(f'<circle class="{style}" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>')

    def path(self, points: str, style: str) -> None:
        self.shapes.append(f'<path class="{style}" d="{points}"/>')

    def text(self, x: float, y: float, text: str, style: str, anchor: str = "middle") -> None:
        self.shapes.append(
            f'<text class="{style}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def arrow(self, x1: float, y1: float, x2: float, y2: float, style: str = "wire") -> None:
        """A horizontal or vertical line with a head at its second end."""
        self.path(f"M{x1:g} {y1:g}L{x2:g} {y2:g}", style)
        size = 5
        if y1 == y2:
            back = x2 - size if x2 > x1 else x2 + size
            head = f"M{back:g} {y2 - size:g}L{x2:g} {y2:g}L{back:g} {y2 + size:g}"
        else:
            back = y2 - size if y2 > y1 else y2 + size
            head = f"M{x2 - size:g} {back:g}L{x2:g} {y2:g}L{x2 + size:g} {back:g}"
        self.path(head, style)

    def svg(self, width: float, height: float, style: str, name: str, description: str) -> str:
        """The drawing at its natural size, shrinking where the page is narrower."""
        return (
            f'<svg class="{style}" xmlns="http://www.w3.org/2000/svg" role="img" '
            f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">'
            f"<title>{escape(name)}</title><desc>{escape(description)}</desc>"
            f"{''.join(self.shapes)}</svg>"
        )


def text_width(text: str, size: float) -> float:
    """Width of monospaced *text* at font size *size*, in CSS pixels."""
    return len(text) * MONO * size
