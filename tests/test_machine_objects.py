# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Object files: what is read from good ones, and how bad ones are refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from spec.errors import InputError
from spec.lab import Field, Lab
from spec.machine import load, read_object
from spec.machine.btf import structure
from spec.machine.host import Context
from spec.machine.object import parse_object
from spec.testing.differential.programs.assembly import EXIT, op
from spec.testing.differential.programs.object_file import object_of
from spec.testing.toolchain import bpf_compiler, kernel_header_flags, libbpf_header_flags
from spec.uapi import BPF_F_RDONLY_PROG, BPF_XDP_CPUMAP, BPF_XDP_DEVMAP, MapType
from tests.machine_programs import ENGINES, Recorder, frame_64, load_object, make_maps

CompileBpf = Callable[..., Path]

SOURCE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct { __uint(type, BPF_MAP_TYPE_DEVMAP); __type(key, __u32);
         __type(value, struct bpf_devmap_val); __uint(max_entries, 256); } tx_port SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(key_size, 6); __uint(value_size, 2);
         __uint(max_entries, 9); __uint(map_flags, BPF_F_NO_PREALLOC); } table SEC(".maps");
int total = 5, zero;
const volatile int limit = 7;

SEC("xdp") int plain(struct xdp_md *ctx)
{
    total += limit;
    return bpf_redirect_map(&tx_port, ctx->rx_queue_index, 0);
}
SEC("xdp.frags") int frags(struct xdp_md *ctx) { return zero; }
SEC("xdp/devmap") int at_device(struct xdp_md *ctx) { return ctx->egress_ifindex; }
SEC("xdp.frags/devmap") int at_device_frags(struct xdp_md *ctx) { return 2; }
SEC("xdp/cpumap") int at_cpu(struct xdp_md *ctx) { return 2; }
SEC("xdp.frags/cpumap") int at_cpu_frags(struct xdp_md *ctx) { return 2; }
char _license[] SEC("license") = "GPL";
"""


def test_programs_have_the_attach_type_of_their_section(compile_bpf: CompileBpf) -> None:
    programs = read_object(compile_bpf(SOURCE)).programs
    assert {each.name: (each.section, each.attach_type, each.has_frags) for each in programs} == {
        "plain": ("xdp", 0, False),
        "frags": ("xdp.frags", 0, True),
        "at_device": ("xdp/devmap", BPF_XDP_DEVMAP, False),
        "at_device_frags": ("xdp.frags/devmap", BPF_XDP_DEVMAP, True),
        "at_cpu": ("xdp/cpumap", BPF_XDP_CPUMAP, False),
        "at_cpu_frags": ("xdp.frags/cpumap", BPF_XDP_CPUMAP, True),
    }


def test_a_program_marked_with_a_question_mark_is_left_out(compile_bpf: CompileBpf) -> None:
    marked = SOURCE + 'SEC("?xdp") int by_hand(struct xdp_md *ctx) { return 2; }'
    assert "by_hand" not in [each.name for each in read_object(compile_bpf(marked)).programs]


def test_maps_are_as_declared(compile_bpf: CompileBpf) -> None:
    maps = {each.name: each for each in read_object(compile_bpf(SOURCE)).maps}
    assert maps["tx_port"][1:6] == (MapType.BPF_MAP_TYPE_DEVMAP, 4, 8, 256, 0)
    assert maps["table"][1:6] == (MapType.BPF_MAP_TYPE_HASH, 6, 2, 9, 1)
    assert maps[".data"].initial == (5).to_bytes(4, "little")
    assert maps[".bss"].initial == bytes(4)
    assert maps[".rodata"].initial == (7).to_bytes(4, "little")
    assert maps[".rodata"].map_flags & BPF_F_RDONLY_PROG
    assert not maps[".data"].map_flags & BPF_F_RDONLY_PROG


def test_both_labs_see_the_same_object(lab: Lab, compile_bpf: CompileBpf) -> None:
    path = compile_bpf(SOURCE, "a_rather_long_name")
    with lab.load(path) as loaded:
        expected = read_object(path)
        assert sorted(loaded.maps) == sorted(each.name for each in expected.maps)
        assert sorted(loaded.programs) == sorted(each.name for each in expected.programs)
        for each in expected.maps:
            map = loaded.maps[each.name]
            assert (map.type, map.key_size, map.value_size) == each[1:4]


def test_lines_are_those_of_the_source(compile_bpf: CompileBpf) -> None:
    program = read_object(compile_bpf(SOURCE, "lines")).programs[0]
    number = SOURCE[: SOURCE.index("return bpf_redirect_map")].count("\n") + 1
    last = program.lines[len(program.code) - 1]
    assert (last.number, last.text.strip().split("(")[0]) == (number, "return bpf_redirect_map")


def test_a_ring_buffer_is_made_of_whole_pages(lab: Lab, compile_bpf: CompileBpf) -> None:
    source = "".join(
        f"struct {{ __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, {size}); }}"
        f' ring_{size} SEC(".maps");\n'
        for size in (1, 4096, 4097, 12288)
    )
    path = compile_bpf(f"#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n{source}")
    with lab.load(path) as loaded:
        sizes = {each.name: each.max_entries for each in read_object(path).maps}
        assert {name: map.max_entries for name, map in loaded.maps.items()} == sizes


def test_a_structure_has_its_layout(lab: Lab, compile_bpf: CompileBpf) -> None:
    path = compile_bpf(SOURCE)
    layout = structure(str(path), "bpf_devmap_val")
    assert layout == (
        Field("ifindex", 0, 4),
        Field("bpf_prog.fd", 4, 4),
        Field("bpf_prog.id", 4, 4),
    )
    assert layout == lab.struct("bpf_devmap_val")


def test_a_structure_that_is_not_there_is_named(compile_bpf: CompileBpf) -> None:
    with pytest.raises(InputError, match="there is no struct elsewhere"):
        structure(str(compile_bpf(SOURCE)), "elsewhere")


@pytest.mark.parametrize("version", ["v1", "v2", "v3", "v4"])
@pytest.mark.parametrize("machine", ENGINES)
def test_every_instruction_set_version_runs(version: str, machine: str, tmp_path: Path) -> None:
    source = """
    #include <linux/bpf.h>
    #include <bpf/bpf_helpers.h>
    int numbers[3] = {-7, 2, 0x12345678};
    SEC("xdp") int p(struct xdp_md *ctx)
    {
        signed char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
        if (data + 64 > end)
            return 1;
        unsigned a = numbers[0], b = numbers[1];
        short swapped = __builtin_bswap16(numbers[2]);
        long sum = swapped + (int)__builtin_bswap32(numbers[2]) + data[63];
        #pragma clang loop unroll(disable)
        for (int i = 0; i < 5; i++) {
            barrier_var(sum);
            sum = sum * 31 + (a > b ? a / b : a % b) + ((int)a >> i);
        }
        return sum ^ sum >> 32;
    }
    """
    compiler = bpf_compiler()
    path = tmp_path / f"{version}.o"
    command = [f"-mcpu={version}" if each == "-mcpu=v3" else each for each in compiler.command]
    flags = [*libbpf_header_flags(), *kernel_header_flags(compiler), "-w", "-c", "-x", "c", "-"]
    subprocess.run([*command, *flags, "-o", str(path)], input=source, text=True, check=True)
    executable, _ = load_object(path, "p", machine)
    swapped, full, total = 0x7856, 0x78563412, 0
    total = swapped + full + 63
    for step in range(5):
        total = total * 31 + (0xFFFFFFF9 // 2) + (-7 >> step)
    total = (total + 2**63) % 2**64 - 2**63
    assert executable.run(Context(frame_64()), Recorder()) == (total ^ total >> 32) & 0xFFFFFFFF


BAD = {
    "is not an ELF file": b"#!/bin/sh\n",
    "is not a 64-bit ELF file": b"\x7fELF\x01\x01".ljust(64, b"\0"),
    "is for ELF machine 62": object_of([op(0xB7), EXIT], machine=62),
    "is a damaged ELF file": object_of([op(0xB7), EXIT])[:-32],
    "section 'xpd' holds no XDP program": object_of([op(0xB7), EXIT], section="xpd"),
}


@pytest.mark.parametrize("problem", BAD)
def test_a_bad_file_is_refused_in_one_line(problem: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_object(BAD[problem], "some.o")
    assert str(refusal.value).startswith(f"some.o: {problem}")
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.o: cannot be read \(No such file or directory\)"):
        read_object(tmp_path / "none.o")


FLAWED = {
    "program p is static": 'SEC("xdp") static int p(struct xdp_md *ctx) { return 2; }',
    "refers to 'elsewhere', which it does not define": (
        'extern int elsewhere(int x); SEC("xdp") int p(struct xdp_md *ctx) { return elsewhere(1); }'
    ),
    "map m: has no type": "struct { __uint(max_entries, 1); } m SEC('.maps');",
    "map m: has an unknown attribute 'colour'": (
        "struct { __uint(type, 1); __uint(colour, 3); } m SEC('.maps');"
    ),
    "declares maps in the legacy section 'maps'": "int m SEC('maps');",
}


@pytest.mark.parametrize("problem", FLAWED)
def test_a_flawed_object_is_refused(compile_bpf: CompileBpf, problem: str) -> None:
    head = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
    path = compile_bpf(head + FLAWED[problem].replace("'", '"'))
    with pytest.raises(InputError) as refusal:
        read_object(path)
    assert problem in str(refusal.value)


def test_damage_never_shows_as_anything_but_a_refusal(compile_bpf: CompileBpf) -> None:
    whole, random = compile_bpf(SOURCE).read_bytes(), Random(1)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(random.choice((1, 2, 8))):
            damaged[random.randrange(len(damaged))] = random.choice((0, 1, 127, 255))
        try:
            parse_object(bytes(damaged[: random.choice((None, len(damaged) // 2))]), "x.o")
        except InputError:
            refused += 1
    assert refused > 100


RELOCATED = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct ethhdr { unsigned char h_dest[6], h_source[6]; unsigned short h_proto; }
    __attribute__((preserve_access_index));
SEC("xdp") int p(struct xdp_md *ctx)
{
    struct ethhdr *eth = (void *)(long)ctx->data;
    if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
        return 1;
    return eth->h_source[3] * 256 + eth->h_dest[1];
}
char _license[] SEC("license") = "GPL";
"""


def test_relocations_against_kernel_types_are_tolerated(lab: Lab, compile_bpf: CompileBpf) -> None:
    with lab.load(compile_bpf(RELOCATED)) as loaded:
        result = loaded.programs["p"].test_run(bytes(range(64)))
    assert result.retval == 9 * 256 + 1


def test_a_big_endian_object_is_read(tmp_path: Path) -> None:
    compiler, path = bpf_compiler(), tmp_path / "big.o"
    command = [each.replace("bpfel", "bpfeb") for each in compiler.command]
    flags = [*libbpf_header_flags(), *kernel_header_flags(compiler), "-w", "-c", "-x", "c", "-"]
    subprocess.run([*command, *flags, "-o", str(path)], input=SOURCE, text=True, check=True)
    object = read_object(path)
    assert [each[1:6] for each in object.maps[:1]] == [(14, 4, 8, 256, 0)]
    plain = object.programs[0]
    assert (plain.name, plain.order) == ("plain", ">")
    assert [str(each) for each in plain.code[-2:]] == ["call #51", "exit"]
    with pytest.raises(InputError, match="has the other byte order than this machine"):
        load(plain, make_maps(object))
