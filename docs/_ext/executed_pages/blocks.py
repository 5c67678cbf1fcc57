# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``code-block`` with the options that say which file a block belongs to."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.directives.code import CodeBlock
from sphinx.util.typing import OptionSpec

from executed_pages.anchors import give_anchor
from executed_pages.markup import Box, box, span
from spec.testing.page import NEVER_RUN

RUN = ("c", "sh")
"""Languages whose blocks are examples; ``>>>`` blocks are the third kind of code that runs."""

SHOWN = (*sorted(NEVER_RUN), "default")
"""Languages that are only ever shown."""


class Block(Box):
    """A named example of C or shell under the name of the file it belongs to."""


class PageCodeBlock(CodeBlock):
    """A code block; one in C or shell is an example and so has a name.

    ``:user:`` puts C into the page's user-space file, ``:object: NAME`` into a BPF object of its
    own, ``:after: a b`` behind the blocks named; ``:uapi: STRUCT`` marks a quoted UAPI structure,
    which belongs to no file.
    """

    option_spec: ClassVar[OptionSpec] = {
        **CodeBlock.option_spec,
        "user": directives.flag,
        "object": directives.unchanged_required,
        "after": directives.unchanged_required,
        "uapi": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        language = self.arguments[0] if self.arguments else ""
        if language not in RUN:
            return super().run()
        name = self.options.pop("name", "")
        built = super().run()
        literal = next((node for node in built if isinstance(node, nodes.literal_block)), None)
        if literal is None or not name:  # Pairing reports a block without a name.
            return built
        label = self._label(language)
        frame = Block(
            "",
            box(label, _permalink(name), classes="block-bar"),
            literal,
            tag="div",
            classes=["block", f"block-{language}"],
            extra={},
            example=name,
        )
        self.set_source_info(frame)
        give_anchor(self.state.document, frame, name)
        return [frame]

    def _label(self, language: str) -> nodes.Node:
        if language == "sh":
            return span("shell", classes="block-file")
        if "uapi" in self.options:
            return span("from <linux/bpf.h>", classes="block-file")
        page = PurePosixPath(self.env.docname).name
        if "object" in self.options:
            file = f"{self.options['object']}.bpf.c"
        elif "user" in self.options:
            file = f"{page}.c"
        else:
            file = f"{page}.bpf.c"
        return FileName(file, file, classes=["block-file"])


class FileName(nodes.Inline, nodes.TextElement):
    """The name of a file that can be downloaded; becomes a link to it."""


def _permalink(name: str) -> nodes.Node:
    return span("¶", tag="a", classes="permalink", href=f"#{name}", aria_label=f"Link to {name}")
