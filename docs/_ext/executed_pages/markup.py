# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The two document nodes everything here is built of: a styled box and a drawn figure."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from collections.abc import Callable

    from sphinx.application import Sphinx

    _Visit = Callable[[Any, Any], None]
    _Visitors = tuple[_Visit, _Visit | None]


class Box(nodes.General, nodes.Element):
    """A block-level HTML element with classes, around other nodes.

    Not ``nodes.container``: Sphinx and sphinx-design give some containers a meaning of their own.
    ``tag`` names the element, ``extra`` further attributes, ``data`` holds what only the build
    needs.
    """


class Span(nodes.Inline, nodes.TextElement):
    """An inline HTML element with classes; ``tag`` and ``extra`` as for a ``Box``."""


class Drawing(nodes.General, nodes.Element):
    """Inline SVG in ``svg``; other formats than HTML show the paragraph it contains."""


def drawing(svg: str, description: str) -> Drawing:
    """A ``Drawing``, with its description for formats that cannot show it."""
    return Drawing("", nodes.paragraph("", description), svg=svg, classes=[])


def box(*children: nodes.Node, tag: str = "div", classes: str, **extra: str) -> Box:
    """A ``Box``; keyword arguments become HTML attributes (``aria_label`` is ``aria-label``)."""
    return Box("", *children, tag=tag, classes=classes.split(), extra=_attributes(extra))


def span(text: str, *children: nodes.Node, tag: str = "span", classes: str, **extra: str) -> Span:
    """A ``Span``; keyword arguments as for ``box``."""
    text_nodes = [nodes.Text(text)] if text else []
    return Span("", "", *text_nodes, *children, tag=tag, classes=classes.split(),
                extra=_attributes(extra))  # fmt: skip


def _attributes(extra: dict[str, str]) -> dict[str, str]:
    return {name.strip("_").replace("_", "-"): value for name, value in extra.items()}


def _open(writer: Any, node: nodes.Element) -> None:
    ids = [node["ids"][0]] if node["ids"] else []
    attributes = {
        "id": " ".join(ids),
        "class": " ".join(node["classes"]),
        **node["extra"],
    }
    text = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if value)
    writer.body.append(f"<{node['tag']}{text}>")


def _open_box(writer: Any, node: nodes.Element) -> None:
    _open(writer, node)
    writer.body.append("\n")


def _close_span(writer: Any, node: nodes.Element) -> None:
    writer.body.append(f"</{node['tag']}>")


def _close_box(writer: Any, node: nodes.Element) -> None:
    writer.body.append(f"</{node['tag']}>\n")


def _draw(writer: Any, node: nodes.Element) -> None:
    writer.body.append(node["svg"] + "\n")
    raise nodes.SkipNode


def _begin_plain(writer: Any, node: nodes.Element) -> None:
    """Formats other than HTML show the children as they are, a row of words as a paragraph."""
    if "permalink" in node["classes"]:
        raise nodes.SkipNode
    if _is_row(node):
        writer.visit_paragraph(node)


def _end_plain(writer: Any, node: nodes.Element) -> None:
    if _is_row(node):
        writer.depart_paragraph(node)


def _is_row(node: nodes.Element) -> bool:
    words = (nodes.Inline, nodes.Text)
    return isinstance(node, Box) and any(isinstance(child, words) for child in node.children)


def setup(app: Sphinx) -> None:
    _add(app, Box, (_open_box, _close_box), (_begin_plain, _end_plain))
    _add(app, Span, (_open, _close_span), (_begin_plain, _end_plain))
    _add(app, Drawing, (_draw, None), (_begin_plain, _end_plain))


def _add(app: Sphinx, node: type[nodes.Element], html: _Visitors, others: _Visitors) -> None:
    app.add_node(node, html=html, latex=others, text=others, man=others, texinfo=others)
