# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compiles a page, and finds the block that a compiler's or the verifier's complaint is about."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from spec.errors import InputError, KernelError
from spec.lab import Field
from spec.machine.btf import structure
from spec.testing.blocks import Example, Page
from spec.testing.compiler import CompileError, compile_bpf, compile_user
from spec.testing.outcome import Failure
from spec.testing.user_program import CALLS_HEADER, CALLS_SOURCE


class BlockError(Exception):
    """A block could not be compiled or loaded; ``failure`` says what about it."""

    def __init__(self, block: Example, failure: Failure) -> None:
        super().__init__(failure.message)
        self.block, self.failure = block, failure


class Build:
    """The files made from one page. Everything is compiled once, by whoever asks first."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @cached_property
    def bpf_object(self) -> Path | None:
        """The page's BPF object; ``None`` if the page has no block for it."""
        return self._bpf(self.page.stem, self.page.bpf_blocks, self.page.bpf_source(lines=True))

    @cached_property
    def shared_object(self) -> Path | None:
        """The page's user-space code; ``None`` if the page has none."""
        blocks = self.page.user_blocks
        if not blocks:
            return None
        source = self.page.user_source(lines=True)
        try:
            return compile_user(
                source,
                self.page.stem,
                root=self.page.root,
                strict=True,
                extra=(CALLS_SOURCE,),
                inputs=(CALLS_HEADER,),
            )
        except CompileError as error:
            raise self._refused(error, blocks) from None

    def separate_object(self, name: str) -> Path:
        """The object *name* of the page."""
        blocks = self.page.objects[name]
        built = self._bpf(name, blocks, self.page.object_source(name, lines=True))
        assert built is not None
        return built

    @cached_property
    def separate_objects(self) -> dict[str, Path]:
        """Each separate object that compiles; the others are their own blocks' business."""
        found: dict[str, Path] = {}
        for name in self.page.objects:
            try:
                found[name] = self.separate_object(name)
            except BlockError:
                continue
        return found

    def everything(self) -> None:
        """Compile now what a run would compile on its way; errors are the run's business."""
        _ = self.separate_objects
        with suppress(BlockError):
            _ = self.bpf_object
        with suppress(BlockError):
            _ = self.shared_object
        for block in self.page.examples:
            if block.uapi:
                with suppress(BlockError):
                    self.structure(block)

    def structure(self, block: Example) -> tuple[Field, ...]:
        """The layout of the structure that *block* quotes."""
        source = (
            "#include <linux/types.h>\n"
            f'#line {block.source_line} "{self.page.title}"\n'
            f"{block.source}\n"
            f"struct {block.uapi} structure_on_page;\n"
        )
        try:
            built = compile_bpf(source, block.uapi, root=self.page.root, strict=True)
            return structure(str(built), block.uapi)
        except CompileError as error:
            raise self._refused(error, (block,)) from None
        except InputError as error:
            failure = self._failure(block, block.source_line, error.problem, ())
            raise BlockError(block, failure) from None

    def not_loaded(self, error: KernelError) -> BlockError:
        """*error* from loading the page's object, put down to the block it is about."""
        place = re.search(rf" @ \S*{re.escape(self.page.path.name)}:(\d+)$", error.source)
        line = int(place[1]) if place else 0
        named = [b for b in self.page.bpf_blocks if _named(b, error.reason)]
        block = self.page.block_at(line) or (named or self.page.bpf_blocks)[0]
        return BlockError(
            block, self._failure(block, line or block.source_line, f"KernelError: {error}", ())
        )

    def _bpf(self, name: str, blocks: tuple[Example, ...], source: str) -> Path | None:
        if not blocks:
            return None
        try:
            return compile_bpf(source, name, root=self.page.root, strict=True)
        except CompileError as error:
            raise self._refused(error, blocks) from None

    def _refused(self, error: CompileError, blocks: tuple[Example, ...]) -> BlockError:
        """The compiler's *error*, at the line of the page that it or its notes mention first."""
        pattern = rf"{re.escape(self.page.title)}:(\d+)"
        line = error.line
        if error.file != self.page.title:
            mentioned = re.search(pattern, error.output)
            line = int(mentioned[1]) if mentioned else blocks[0].source_line
        owners = [b for b in blocks if b.source_line <= line <= b.last_source_line]
        block = owners[0] if owners else blocks[0]
        return BlockError(block, self._failure(block, line, error.message, ()))

    def _failure(
        self, block: Example, line: int, message: str, details: tuple[str, ...]
    ) -> Failure:
        first = block.source_line
        excerpt = self.page.text.splitlines()[first - 1 : block.last_source_line]
        return Failure(line, message, first, tuple(excerpt), details)


def _named(block: Example, reason: str) -> bool:
    """Whether *reason* speaks of a function that *block* defines."""
    return any(
        re.search(rf"\b{re.escape(name)}\b", reason)
        for name in re.findall(r"\b(\w+)\(struct xdp_md\b", block.source)
    )
