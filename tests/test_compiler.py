# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Building C: what comes out, what is kept, and how a compiler's complaint is told."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from spec.errors import InputError
from spec.testing import toolchain
from spec.testing.compiler import CompileError, compile_bpf, compile_user

PROGRAM = """\
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
} ports SEC(".maps");

static __always_inline int is_ip(const struct ethhdr *eth)
{
    return eth->h_proto == bpf_htons(ETH_P_IP);
}

SEC("xdp")
int to_port(struct xdp_md *ctx)
{
    struct ethhdr *eth = (void *)(long)ctx->data;

    if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
        return XDP_DROP;
    bpf_printk("cpu %d", bpf_get_smp_processor_id());
    return is_ip(eth) ? bpf_redirect_map(&ports, 0, XDP_PASS) : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "xdpspec"


@pytest.fixture
def fresh_toolchain() -> Iterator[None]:
    """Compilers are looked for anew, before and after."""
    toolchain.bpf_compiler.cache_clear()
    toolchain.user_compiler.cache_clear()
    yield
    toolchain.bpf_compiler.cache_clear()
    toolchain.user_compiler.cache_clear()


def sections(path: Path) -> dict[str, bytes]:
    with path.open("rb") as file:
        return {section.name: section.data() for section in ELFFile(file).iter_sections()}


def test_a_bpf_object_has_code_maps_and_type_information() -> None:
    built = compile_bpf(PROGRAM, "example")
    assert built.name == "example.bpf.o"
    assert {"xdp", ".maps", ".BTF", ".BTF.ext", "license"} <= sections(built).keys()


def test_the_same_source_is_built_once(cache: Path) -> None:
    first = compile_bpf(PROGRAM)
    stamp = first.stat().st_mtime_ns
    assert compile_bpf(PROGRAM) == first
    assert first.stat().st_mtime_ns == stamp
    assert cache in first.parents


@pytest.mark.usefixtures("cache")
def test_another_source_is_another_object() -> None:
    assert compile_bpf(PROGRAM) != compile_bpf(PROGRAM.replace("XDP_DROP", "XDP_ABORTED"))


def test_nothing_half_built_is_left_in_the_cache(cache: Path) -> None:
    with pytest.raises(CompileError):
        compile_bpf("int a")
    assert not list(cache.rglob("*.o"))
    assert not list(cache.glob("build-*"))


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert compile_bpf(PROGRAM).exists()


def test_a_complaint_names_the_line_that_the_source_says_it_has(tmp_path: Path) -> None:
    source = '#line 40 "docs/page.rst"\nint a;\nint b = c;\n'
    with pytest.raises(CompileError) as error:
        compile_bpf(source, root=tmp_path)
    assert (error.value.file, error.value.line) == ("docs/page.rst", 41)
    assert "'c'" in error.value.message
    assert str(error.value).startswith("docs/page.rst:41: ")


def test_without_lines_of_its_own_a_source_is_called_by_its_name() -> None:
    with pytest.raises(CompileError, match=r"^example\.bpf\.c:2: "):
        compile_bpf("int a;\nint b = c;\n", "example")


def test_warnings_are_errors_for_pages_only() -> None:
    dubious = "int f(void) { int a; return a; }\n"
    assert compile_bpf(dubious).exists()
    with pytest.raises(CompileError):
        compile_bpf(dubious, strict=True)


def test_what_is_not_used_yet_is_no_warning() -> None:
    assert compile_bpf("static int f(int a) { return 0; }\n", strict=True).exists()


def test_user_space_code_can_be_called() -> None:
    built = compile_user("int twice(int x) { return 2 * x; }\n", "twice")
    assert ctypes.CDLL(str(built)).twice(21) == 42


def test_ziglang_serves_where_no_compiler_is_installed(
    cache: Path, fresh_toolchain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del fresh_toolchain
    for name in ("CLANG", "CC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "ziglang" in toolchain.bpf_compiler().identity
    assert "xdp" in sections(compile_bpf(PROGRAM))
    built = compile_user('#include <stdio.h>\nint seven(void) { puts(""); return 7; }\n')
    assert cache in built.parents
    assert ctypes.CDLL(str(built)).seven() == 7


@pytest.mark.usefixtures("fresh_toolchain")
def test_a_compiler_that_was_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLANG", "no-such-clang")
    with pytest.raises(InputError, match="'no-such-clang' is not a command"):
        toolchain.bpf_compiler()
    monkeypatch.setenv("CC", "no-such-cc")
    with pytest.raises(InputError, match="'no-such-cc' does not build C programs here"):
        toolchain.user_compiler()


@pytest.mark.usefixtures("fresh_toolchain")
def test_without_any_compiler_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLANG", raising=False)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(toolchain, "_zig_folder", lambda: None)
    with pytest.raises(InputError, match=r"pip install 'xdpspec\[compiler\]'"):
        toolchain.bpf_compiler()


@pytest.mark.skipif(
    not (toolchain.SYSTEM_INCLUDE / "bpf/bpf_helpers.h").exists(),
    reason="libbpf's headers are not installed",
)
def test_libbpf_s_headers_and_ours_make_the_same_program() -> None:
    theirs, ours = sections(compile_bpf(PROGRAM)), sections(compile_bpf(PROGRAM, own_headers=True))
    assert theirs["xdp"] == ours["xdp"]
    assert theirs[".maps"] == ours[".maps"]


HEADERS = """
    linux/if_ether linux/if_packet linux/if_vlan linux/if_arp linux/if_link linux/in linux/in6
    linux/ip linux/ipv6 linux/icmp linux/icmpv6 linux/tcp linux/udp linux/mpls linux/pkt_cls
    linux/if_tunnel linux/if_xdp asm/byteorder stdint stdbool stddef errno string sys/types
    sys/socket netinet/in arpa/inet
"""


@pytest.mark.parametrize("header", HEADERS.split())
def test_bpf_programs_may_include_what_they_are_used_to(header: str) -> None:
    source = f"#include <linux/bpf.h>\n#include <{header}.h>\n{PROGRAM}"
    assert "xdp" in sections(compile_bpf(source, strict=True, own_headers=True))
