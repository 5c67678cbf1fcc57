# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compiles a block as it is shown, else with what it needs of headers and of its page's blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spec.testing.compiler import CompileError, Limits, OutOfLimitsError, compile_bpf, compile_user
from spec.testing.foreign.blocks import ForeignBlock
from spec.testing.foreign.headers import missing_headers
from spec.testing.toolchain import has_libbpf_headers

INCLUDE = Path(__file__).parent / "include"

LIMITS = Limits(seconds=60.0, bytes=8 << 30)
"""For one run of the compiler; a cold cache of zig's takes it a dozen seconds."""

MOST_JOINS = 16
GPL = 'char xdpspec_license[] __attribute__((section("license"), used)) = "GPL";\n'

_STRICT = ("-Werror=implicit-function-declaration",)
"""Older compilers only warn of a function that nobody declared, and leave it to the loader."""

_UNKNOWN = re.compile(
    r"(?:use of undeclared identifier|undeclared function|unknown type name"
    r"|implicit declaration of function) '(\w+)'"
    r"|'(\w+)' undeclared"
    r"|(?:incomplete|undefined)[^'\n]* type '(?:struct|union|enum) (\w+)'"
)
_SIZELESS = re.compile(r"storage size of '(\w+)' isn't known|variable '(\w+)' has initializer but")


@dataclass(frozen=True)
class Compiled:
    """What came of a block: an object file, what had to be added for it."""

    path: Path
    headers: tuple[str, ...] = ()
    joined: tuple[ForeignBlock, ...] = ()


@dataclass(frozen=True)
class Failure:
    """Why a block does not compile, in the compiler's words; ``line`` is the page's."""

    line: int
    message: str
    unknown: tuple[str, ...] = ()
    """Names that nothing declares, the first complaint's first."""

    endless: bool = False


def compile_block(
    block: ForeignBlock, others: Sequence[ForeignBlock], user: bool, licensed: bool = False
) -> Compiled | Failure:
    """*others* are the page's blocks for the same side; *licensed* adds the GPL as licence."""
    compiler = _Compiler(block, user, licensed)
    headers = missing_headers(block.code, user)
    # Where libbpf is not installed, our bpf_helpers.h stands in, and includes more than libbpf's.
    if "linux/bpf.h" not in headers and (compiled := compiler.attempt((), ())) is not None:
        return compiled
    if headers and (compiled := compiler.attempt(headers, ())) is not None:
        return compiled
    alone = compiler.failure
    joined: tuple[ForeignBlock, ...] = ()
    while len(joined) < MOST_JOINS and not compiler.failure.endless:
        found = _provider(block, compiler.failure.unknown, others, joined)
        if found is None:
            break
        joined = tuple(sorted((found, *joined), key=lambda each: each.line))
        whole = (*joined, block)
        needed = dict.fromkeys(h for each in whole for h in missing_headers(each.code, user))
        if (compiled := compiler.attempt(tuple(needed), joined)) is not None:
            return compiled
    inside = block.source_line <= compiler.failure.line <= block.last_line
    return compiler.failure if inside else alone


class _Compiler:
    """Tries one block, and remembers why it did not compile the last time."""

    def __init__(self, block: ForeignBlock, user: bool, licensed: bool) -> None:
        self.block, self.user, self.licensed = block, user, licensed
        self.failure = Failure(block.source_line, "")

    def attempt(
        self, headers: tuple[str, ...], joined: tuple[ForeignBlock, ...]
    ) -> Compiled | None:
        page, name = self.block.page, f"line_{self.block.line}"
        parts = [f"#include <{header}>\n" for header in headers]
        parts += [_quoted(each) for each in (*joined, self.block)]
        source = "".join(parts) + (GPL if self.licensed else "")
        compile = compile_user if self.user else compile_bpf
        inputs = _inputs((self.block, *joined))
        options = (*_STRICT, _include_option(), f"-iquote{page.path.parent}")
        try:
            path = compile(
                source, name, root=page.root, options=options, inputs=inputs, limits=LIMITS
            )
        except OutOfLimitsError as error:
            self.failure = Failure(self.block.source_line, error.message, endless=True)
            return None
        except CompileError as error:
            self.failure = self._failure(error)
            return None
        return Compiled(path, headers, joined)

    def _failure(self, error: CompileError) -> Failure:
        mine = error.file == self.block.page.title
        line = error.line if mine else self.block.source_line
        places = _UNKNOWN.finditer(error.output)
        found = (next(filter(None, match.groups())) for match in places)
        sizeless = _SIZELESS.finditer(error.output)  # gcc names the variable, not its type
        tags = (_tag(self.block.source, match[1] or match[2]) for match in sizeless)
        unknown = dict.fromkeys(filter(None, (*found, *tags)))
        return Failure(line, re.sub(r" \[-W[^\]]*\]$", "", error.message), tuple(unknown))


def _tag(source: str, variable: str) -> str:
    """The structure that *variable* is declared to be; empty if it is none."""
    found = re.search(rf"\b(?:struct|union)\s+(\w+)\b[^;{{]*\b{variable}\b", source)
    return found[1] if found else ""


def _quoted(block: ForeignBlock) -> str:
    """The block, with its place in the page for the compiler's and the verifier's messages."""
    title = block.page.title.replace("\\", r"\\").replace('"', r"\"")
    return f'#line {block.source_line} "{title}"\n{block.source}\n'


def _include_option() -> str:
    """Ours come first only where libbpf's own headers are not there to be found."""
    return f"-idirafter{INCLUDE}" if has_libbpf_headers() else f"-I{INCLUDE}"


def _inputs(blocks: Iterable[ForeignBlock]) -> tuple[Path, ...]:
    """The headers of ours, and those that lie beside the page."""
    beside = (block.page.path.parent / name for block in blocks for name in block.code.includes)
    return (*sorted(INCLUDE.rglob("*.h")), *(path for path in beside if path.is_file()))


def _provider(
    block: ForeignBlock,
    unknown: Iterable[str],
    others: Sequence[ForeignBlock],
    joined: Sequence[ForeignBlock],
) -> ForeignBlock | None:
    """The nearest block of the page, above first, that defines one of the *unknown* names."""
    above = [each for each in others if each.line < block.line][::-1]
    below = [each for each in others if each.line > block.line]
    names = set(unknown)
    mine = set(block.code.defined)
    for each in (*above, *below):
        defined = set(each.code.defined)
        if each not in joined and names & defined and not mine & defined:
            return each
    return None
