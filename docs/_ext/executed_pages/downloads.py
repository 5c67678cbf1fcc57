# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The files a page consists of, written beside the HTML: ``_downloads/map_devmap.bpf.c``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri
from sphinx.util.typing import OptionSpec

from executed_pages.blocks import FileName
from executed_pages.domain import Page, pages_domain
from executed_pages.markup import Box, box, span

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Downloads(Box):
    """Where the links to a page's files go."""


class DownloadsDirective(SphinxDirective):
    """Links to the files that the blocks of this page make up."""

    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        return [Downloads(tag="div", classes=["downloads"], extra={})]


class LinkDownloads(SphinxPostTransform):
    """Turns file names above blocks, and the places of ``.. downloads::``, into links."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:  # noqa: ARG002
        page = pages_domain(self.env).pages.get(self.env.docname)
        files = page.files if page else {}
        for name in list(self.document.findall(FileName)):
            text = name.astext()
            name.replace_self(self._link(text) if text in files else _plain(text))
        for place in list(self.document.findall(Downloads)):
            self._list(place, files)

    def _list(self, place: Downloads, files: dict[str, str]) -> None:
        """The page's own two files with their commands, the separate objects folded away."""
        stem = PurePosixPath(self.env.docname).name
        own = [file for file in files if file in (f"{stem}.bpf.c", f"{stem}.c")]
        for file in own:
            entry = self._entry(file, files[file])
            entry += span(compile_command(file), tag="code", classes="command")
            place += entry
        others = [file for file in files if file not in own]
        if others:
            words = "separate object" if len(others) == 1 else "separate objects"
            summary = span(f"{len(others)} {words}", tag="summary", classes="more")
            entries = [self._entry(file, files[file]) for file in others]
            place += box(summary, *entries, tag="details", classes="download-more")

    def _link(self, file: str) -> nodes.Node:
        if self.app.builder.format != "html":
            return _plain(file)
        here = self.app.builder.get_target_uri(self.env.docname)
        uri = relative_uri(here, download_path(self.env.docname, file))
        return span(file, tag="a", classes="block-file", href=uri, download=file,
                    title=f"Download {file}")  # fmt: skip

    def _entry(self, file: str, source: str) -> Box:
        return box(
            self._link(file),
            span(f"{source.count(chr(10))} lines", classes="size"),
            classes="download",
        )


def _plain(text: str) -> nodes.Node:
    return span(text, classes="block-file")


def compile_command(file: str) -> str:
    """How a reader compiles it.

    Debian keeps ``asm/types.h`` where clang does not look when it compiles for BPF.
    """
    if file.endswith(".bpf.c"):
        return f"clang -O2 -g -target bpf -I/usr/include/$(uname -m)-linux-gnu -c {file}"
    return f"cc -O2 -c {file}"


def download_path(docname: str, file: str) -> str:
    """Where a page's file is, relative to the root of the site."""
    return str(PurePosixPath("_downloads", PurePosixPath(docname).parent, file))


def write_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Write every page's files, when the build is through."""
    if exception is not None or app.builder.format != "html":
        return
    for docname, page in pages_domain(app.env).pages.items():
        for file, source in page.files.items():
            target = Path(app.outdir, download_path(docname, file))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_header(page, file, app.config.release) + source, encoding="utf-8")


def _header(page: Page, file: str, release: str) -> str:
    return (
        "/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */\n"
        f"/* From {page.path}, version {release}. Compile with: {compile_command(file)} */\n"
    )
