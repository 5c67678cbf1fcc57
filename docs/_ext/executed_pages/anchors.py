# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""HTML anchors that are the names themselves: ``#xdp_redirect_map_func``, ``#devmap.update``."""

from __future__ import annotations

from docutils import nodes


def give_anchor(document: nodes.document, node: nodes.Element, name: str) -> str:
    """Make *name* the anchor of *node*, unless something on the page has it already."""
    holder = document.ids.get(name)
    if holder is None or holder is node:
        node["ids"] = [name]
        document.ids[name] = node
    return name
