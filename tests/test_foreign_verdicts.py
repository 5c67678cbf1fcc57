# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is said of C blocks that know nothing of this project."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec.testing.compiler import Limits
from spec.testing.foreign import compiling
from spec.testing.foreign.kind import Kind
from spec.testing.foreign.verdict import Verdict
from tests.foreign_pages import (
    ENDLESS,
    INCLUDES,
    MAP,
    PASS,
    REDIRECT,
    REFUSED,
    USER,
    judged,
    judged_alone,
    rest,
)


def test_a_whole_program_is_fine_and_loaded(tmp_path: Path) -> None:
    found = judged_alone(tmp_path, INCLUDES + PASS)
    assert (found.verdict, found.name, found.additions) == (Verdict.FINE, "pass", "")
    assert found.loaded == "1 program on model 6.18"


def test_headers_that_are_not_shown_are_added_and_named(tmp_path: Path) -> None:
    found = judged_alone(tmp_path, PASS)
    assert found.verdict is Verdict.COMPLETED
    assert found.headers == ("linux/bpf.h", "bpf/bpf_helpers.h")


def test_a_quoted_structure_needs_only_the_types(tmp_path: Path) -> None:
    found = judged_alone(tmp_path, "struct bpf_devmap_val { __u32 ifindex; };")
    assert (found.verdict, found.headers) == (Verdict.COMPLETED, ("linux/types.h",))


def test_what_another_block_declares_is_joined_and_named(tmp_path: Path) -> None:
    first, second = judged(tmp_path, rest(MAP, INCLUDES + REDIRECT))
    assert first.loaded == "1 map on model 6.18"
    assert (second.verdict, second.joined) == (Verdict.COMPLETED, (first.line,))
    assert second.loaded == "1 program and 1 map on model 6.18"


def test_a_block_that_compiles_alone_is_not_joined(tmp_path: Path) -> None:
    whole = INCLUDES + MAP + REDIRECT
    first, second = judged(tmp_path, rest(whole, whole))
    assert (first.verdict, second.verdict) == (Verdict.FINE, Verdict.FINE)


def test_of_two_blocks_the_nearest_above_is_joined(tmp_path: Path) -> None:
    _, near, needs, _ = judged(tmp_path, rest(MAP, MAP, REDIRECT, MAP))
    assert needs.joined == (near.line,)


def test_a_map_that_no_block_declares_is_missed(tmp_path: Path) -> None:
    found = judged_alone(tmp_path, INCLUDES + REDIRECT)
    assert (found.verdict, found.message) == (Verdict.NO_MAP, "ports is not declared on the page")
    assert found.at == found.line + 6


def test_a_function_that_is_no_helper_is_named(tmp_path: Path) -> None:
    source = INCLUDES + 'SEC("xdp") int f(void *c)\n{\n    return bpf_num_possible_cpus();\n}\n'
    found = judged_alone(tmp_path, source)
    assert (found.verdict, found.message) == (
        Verdict.UNDEFINED,
        "bpf_num_possible_cpus is no helper",
    )
    assert found.at == found.line + 6


def test_what_the_compiler_refuses_is_quoted_in_one_line(tmp_path: Path) -> None:
    found = judged_alone(tmp_path, "int f(void)\n{\n    return 1\n}\n")
    assert (found.verdict, found.at) == (Verdict.NOT_COMPILED, found.line + 4)
    assert "';'" in found.message
    assert "\n" not in found.message


def test_what_the_verifier_refuses_has_its_decisive_line(tmp_path: Path) -> None:
    found = judged_alone(tmp_path, INCLUDES + MAP + REFUSED)
    assert (found.verdict, found.message) == (
        Verdict.REFUSED,
        "EACCES: write into map forbidden",
    )
    assert found.at == found.line + 2 + 2 + 6 + 4


def test_a_map_that_cannot_be_created_is_told(tmp_path: Path) -> None:
    found = judged_alone(tmp_path, INCLUDES + MAP.replace("entries, 4", "entries, 0"))
    assert (found.verdict, found.message) == (Verdict.NOT_LOADED, "EINVAL: map ports")


def test_a_licence_is_added_where_a_helper_asks_for_it(tmp_path: Path) -> None:
    source = INCLUDES + PASS.replace("{ return", '{ bpf_printk("seen"); return')
    found = judged_alone(tmp_path, source)
    assert (found.verdict, found.additions) == (Verdict.COMPLETED, "a licence")
    found = judged_alone(tmp_path, source + 'char LICENSE[] SEC("license") = "GPL";')
    assert (found.verdict, found.additions) == (Verdict.FINE, "")


def test_a_program_of_another_type_is_compiled_only(tmp_path: Path) -> None:
    source = INCLUDES + 'SEC("tc") int f(struct __sk_buff *skb) { return 0; }'
    found = judged_alone(tmp_path, source)
    assert (found.verdict, found.loaded) == (
        Verdict.FINE,
        "its programs are not XDP's and stay unloaded",
    )


def test_user_space_code_is_compiled_as_such(tmp_path: Path) -> None:
    found = judged_alone(tmp_path, USER)
    assert (found.kind, found.verdict, found.loaded) == (Kind.USER, Verdict.FINE, "")


def test_user_space_code_does_not_see_the_program(tmp_path: Path) -> None:
    source = "int fill(void)\n{\n    return bpf_map__fd(ports);\n}\n"
    declared, found = judged(tmp_path, rest(MAP, source))
    assert (found.kind, found.verdict, found.at) == (Kind.USER, Verdict.UNDEFINED, found.line + 4)
    where = f"ports is only in the BPF program (line {declared.line}), not in user space"
    assert found.message == where


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("/* nothing */", Kind.EMPTY),
        ("long bpf_redirect_map(struct bpf_map *map, u32 key, u64 flags)", Kind.PROTOTYPE),
        ("int a(void);\n/* and */\nint b(const char *text, ...);", Kind.PROTOTYPE),
        ("return bpf_redirect_map(&ports, 0, 0);", Kind.FRAGMENT),
        ("bpf_map_update_elem(fd, &key, &value, 0);", Kind.FRAGMENT),
        ("value->ifindex = 3;", Kind.FRAGMENT),
        ("int f(void) {", Kind.FRAGMENT),
        ("int f(void)\n{\n    ...\n}", Kind.FRAGMENT),
        ("XDP_REDIRECT", Kind.FRAGMENT),
        ("#include <linux/module.h>\nint x;", Kind.KERNEL),
        ("__bpf_kfunc int f(void) { return 0; }", Kind.KERNEL),
    ],
)  # fmt: skip
def test_what_is_no_program_is_not_judged(tmp_path: Path, source: str, kind: Kind) -> None:
    found = judged_alone(tmp_path, source)
    assert (found.kind, found.verdict) == (kind, Verdict.NOT_JUDGED)
    assert found.message.startswith(f"{kind.value}: ")


def test_a_header_that_is_not_here_leaves_it_open(tmp_path: Path) -> None:
    found = judged_alone(tmp_path, '#include "firewall.h"\nint x;')
    assert (found.verdict, found.message) == (
        Verdict.CANT_TELL,
        "needs <firewall.h>, which is not here",
    )


def test_a_header_beside_the_page_is_found_and_read_again(tmp_path: Path) -> None:
    (tmp_path / "firewall.h").write_text("typedef int action;")
    source = '#include "firewall.h"\naction x;'
    assert judged_alone(tmp_path, source).verdict is Verdict.FINE
    (tmp_path / "firewall.h").write_text("")
    assert judged_alone(tmp_path, source).verdict is Verdict.UNDEFINED


def test_vmlinux_is_stood_in_for(tmp_path: Path) -> None:
    start = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n'
    assert judged_alone(tmp_path, start + PASS).verdict is Verdict.FINE
    found = judged_alone(tmp_path, start + "int f(struct task_struct *t) { return t->pid; }")
    assert found.verdict is Verdict.CANT_TELL
    assert found.message.startswith("needs the vmlinux.h of a kernel: ")


def test_a_compiler_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "LIMITS", Limits(seconds=1.0, bytes=4 << 30))
    found = judged_alone(tmp_path, ENDLESS)
    assert (found.verdict, found.message) == (
        Verdict.ENDLESS,
        "the compiler did not end within 1 s",
    )
