# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Pages as somebody else might have written them, and what is said of their blocks."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

from spec import ModelLab
from spec.testing.foreign.judge import PageJudge
from spec.testing.foreign.tree import read_tree
from spec.testing.foreign.verdict import Judgement

INCLUDES = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
PASS = 'SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }\n'
MAP = """struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u32);
} ports SEC(".maps");
"""
REDIRECT = """SEC("xdp") int to_port(struct xdp_md *ctx)
{
    return bpf_redirect_map(&ports, 0, 0);
}
"""
REFUSED = """SEC("xdp") int writes(struct xdp_md *ctx)
{
    __u32 key = 0, ifindex = 1;

    return bpf_map_update_elem(&ports, &key, &ifindex, BPF_ANY);
}
"""
USER = r"""
#include <stdio.h>

int main(void)
{
    printf("nothing\n");
    return 0;
}
"""
ENDLESS = (
    "\n".join(
        f"#define {name} {' '.join([before] * 10)}"
        for before, name in zip("xABCDEFGHIJ", "ABCDEFGHIJK", strict=True)
    )
    + "\nint K;\n"
)
"""Its one line is a hundred thousand million words long."""


def rest(*sources: str) -> str:
    """A reST page with a C block for each of *sources*."""
    return "Page\n====\n\n" + "\n".join(
        f".. code-block:: c\n\n{indent(source, '   ')}" for source in sources
    )


def judged(folder: Path, text: str, name: str = "page.rst") -> list[Judgement]:
    """The judgements on a page with *text*; programs are loaded on the model."""
    path = folder / name
    path.write_text(text)
    (page,) = read_tree(path)
    judge = PageJudge(page)
    with ModelLab() as lab:
        return [judge.judge(n, judge.compile(n), lab) for n in range(len(judge.blocks))]


def judged_alone(folder: Path, source: str) -> Judgement:
    """The judgement on a page's only block."""
    (judgement,) = judged(folder, rest(source))
    return judgement
