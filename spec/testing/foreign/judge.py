# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Judges the blocks of a page: what they are, whether they compile, whether they load."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache

from spec.errors import InputError, KernelError
from spec.lab import Lab
from spec.testing.compiler import CompileError, compile_bpf
from spec.testing.engine import Engine
from spec.testing.foreign.blocks import ForeignBlock, c_blocks
from spec.testing.foreign.compiling import Compiled, Failure, compile_block
from spec.testing.foreign.headers import VMLINUX
from spec.testing.foreign.kind import JUDGED, RULES, USER_CALL, Kind, kind_of
from spec.testing.foreign.tree import ForeignPage
from spec.testing.foreign.verdict import Judgement, Verdict
from spec.testing.toolchain import has_libbpf_headers

_MAP_ARGUMENT = (
    r"\bbpf_(?:redirect_map|map_\w+|tail_call|perf_event_output|ringbuf_\w+|for_each_map_elem)"
    r"\s*\([^;]*?&\s*{name}\b"
)
_NO_HEADER = re.compile(r"'([^']+)' file not found|([^\s:]+): No such file or directory")
_NO_XDP = "holds no XDP program"
"""What both engines say of a section; it is no fault of the block."""
_LIBBPF_INSTALL = "install libbpf's headers (libbpf-dev, libbpf-devel)"


class PageJudge:
    """The blocks of one page. Compiling them is safe in any thread; loading is the caller's."""

    def __init__(self, page: ForeignPage) -> None:
        self.page = page
        self.blocks = c_blocks(page)
        self.kinds = [kind_of(block.code, block.hidden) for block in self.blocks]

    def compile(self, number: int, licensed: bool = False) -> Compiled | Failure | None:
        """Compile block *number*; ``None`` for one of a kind that is not judged."""
        kind = self.kinds[number]
        if kind not in JUDGED:
            return None
        return compile_block(self.blocks[number], self._of_kind(kind), kind is Kind.USER, licensed)

    def judge(self, number: int, compiled: Compiled | Failure | None, lab: Lab) -> Judgement:
        """The verdict on block *number*, which was *compiled*; what can be is loaded in *lab*."""
        if compiled is None:
            kind = self.kinds[number]
            return self._judgement(number, Verdict.NOT_JUDGED, f"{kind.value}: {RULES[kind]}")
        if isinstance(compiled, Failure):
            return self._not_compiled(number, compiled)
        if self.kinds[number] is Kind.USER:
            return self._fine(number, compiled)
        return self._load(number, compiled, lab)

    # Compiling.

    def _not_compiled(self, number: int, failure: Failure) -> Judgement:
        block, user = self.blocks[number], self.kinds[number] is Kind.USER
        verdict, message = Verdict.NOT_COMPILED, failure.message
        if failure.endless:
            verdict = Verdict.ENDLESS
        elif reason := _cant_tell(block, failure, user):
            verdict, message = Verdict.CANT_TELL, reason
        elif failure.unknown:
            name = failure.unknown[0]
            verdict = Verdict.UNDEFINED
            if not user and re.search(_MAP_ARGUMENT.format(name=name), block.source):
                verdict, message = Verdict.NO_MAP, f"{name} is not declared on the page"
            else:
                message = f"{name} {self._about(name, block, user)}"
        return self._judgement(number, verdict, message, at=failure.line)

    def _about(self, name: str, block: ForeignBlock, user: bool) -> str:
        """What there is to say of a *name* that nothing declares."""
        if user:
            for other in self._of_kind(Kind.BPF):
                if name in other.code.defined:
                    return f"is only in the BPF program (line {other.line}), not in user space"
        elif name in block.code.calls and name.startswith("bpf_"):
            return "is no helper"
        return "is declared neither by the block, its headers nor the page"

    def _of_kind(self, kind: Kind) -> list[ForeignBlock]:
        pairs = zip(self.blocks, self.kinds, strict=True)
        return [block for block, other in pairs if other is kind]

    # Loading.

    def _load(self, number: int, compiled: Compiled, lab: Lab, licensed: bool = False) -> Judgement:
        try:
            loaded = self._loaded(number, compiled, lab)
        except InputError as error:
            if lab.engine == "kernel" and _NO_XDP not in error.problem:
                return self._judgement(number, Verdict.NOT_LOADED, error.problem, compiled)
            return self._fine(number, compiled, loaded=f"not loaded: {error.problem}")
        except KernelError as error:
            if "GPL" in error.reason and not licensed:
                again = self.compile(number, licensed=True)
                if isinstance(again, Compiled):
                    return self._load(number, again, lab, licensed=True)
            return self._refused(number, compiled, error)
        return self._fine(number, compiled, licensed, loaded)

    def _refused(self, number: int, compiled: Compiled, error: KernelError) -> Judgement:
        place = re.search(r" @ (\S+):(\d+)$", error.source)
        mine = place and os.path.basename(place[1]) == self.page.path.name  # noqa: PTH119
        at = int(place[2]) if place and mine else self.blocks[number].source_line
        by_verifier = bool(error.log or error.source)
        verdict = Verdict.REFUSED if by_verifier else Verdict.NOT_LOADED
        return self._judgement(number, verdict, str(error), compiled, at=at)

    def _loaded(self, number: int, compiled: Compiled, lab: Lab) -> str:
        with lab.load(compiled.path) as loaded:
            maps = [name for name in loaded.maps if not name.startswith(".")]
            what = [
                f"{len(things)} {word}{'' if len(things) == 1 else 's'}"
                for things, word in ((loaded.programs, "program"), (maps, "map"))
                if things
            ]
        told = f"{' and '.join(what)} on {lab.engine} {lab.release}" if what else ""
        sections = len(
            re.findall(r'\bSEC\s*\(\s*"(?!\.maps|license|version)', self.blocks[number].source)
        )
        if sections and not loaded.programs:
            return told + ("; " if told else "") + "its programs are not XDP's and stay unloaded"
        return told

    # Both.

    def _fine(
        self, number: int, compiled: Compiled, licensed: bool = False, loaded: str = ""
    ) -> Judgement:
        added = licensed or compiled.headers or compiled.joined
        verdict = Verdict.COMPLETED if added else Verdict.FINE
        return self._judgement(number, verdict, compiled=compiled, licensed=licensed, loaded=loaded)

    def _judgement(
        self,
        number: int,
        verdict: Verdict,
        message: str = "",
        compiled: Compiled | None = None,
        at: int = 0,
        licensed: bool = False,
        loaded: str = "",
    ) -> Judgement:
        block = self.blocks[number]
        return Judgement(
            self.page.title,
            block.line,
            block.last_line,
            block.name,
            self.kinds[number],
            verdict,
            at or block.line,
            message,
            compiled.headers if compiled else (),
            tuple(other.line for other in compiled.joined) if compiled else (),
            licensed,
            loaded,
        )


def choose_engine(engines: Sequence[Engine]) -> Engine:
    """The live kernel where it can be asked, else the model."""
    live = [engine for engine in engines if engine.name == "kernel" and engine.missing() is None]
    return (*live, *(engine for engine in engines if engine.name == "model"))[0]


def _cant_tell(block: ForeignBlock, failure: Failure, user: bool) -> str:
    """What this machine lacks to judge the block; empty if it is the block's own fault."""
    if missing := _NO_HEADER.search(failure.message):
        header = missing[1] or missing[2]
        remedy = f"; {_LIBBPF_INSTALL}" if header.startswith("bpf/") else ""
        return f"needs <{header}>, which is not here{remedy}"
    if VMLINUX in block.code.includes:
        return f"needs the {VMLINUX} of a kernel: {failure.message}"
    if has_libbpf_headers() or not failure.unknown:
        return ""
    name = failure.unknown[0]
    own = USER_CALL.fullmatch(name) if user else _is_helper(name)
    return f"{name} is not in the headers that come with xdpspec; {_LIBBPF_INSTALL}" if own else ""


@cache
def _is_helper(name: str) -> bool:
    """Whether the UAPI numbers a helper of this name, so that only our header lacks it."""
    if not name.startswith("bpf_"):
        return False
    try:
        compile_bpf(f"#include <linux/bpf.h>\nint number = BPF_FUNC_{name[4:]};\n", "helper")
    except CompileError:
        return False
    return True
