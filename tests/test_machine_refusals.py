# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs that are not loaded: the same errno and the same words on model and live kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spec.errors import InputError, KernelError
from spec.lab import Lab
from spec.machine import load, read_object
from spec.machine.instruction import Instruction
from spec.testing.differential.programs.assembly import EXIT, op, wide
from spec.testing.differential.programs.object_file import object_of
from tests.machine_programs import ENGINES, load_object, program

CompileBpf = Callable[..., Path]

ZERO = op(0xB7)

HEAD = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#define MAP(name, kind, size) \\
    struct { __uint(type, BPF_MAP_TYPE_##kind); __uint(key_size, 4); \\
             __uint(value_size, size); __uint(max_entries, 4); } name SEC(".maps")
char _license[] SEC("license") = "GPL";
"""

MISUSES = {
    "redirecting through an array": (
        "MAP(m, ARRAY, 4); SEC('xdp') int p(struct xdp_md *ctx)"
        "{ return bpf_redirect_map(&m, 0, 0); }",
        "EINVAL: cannot pass map_type 2 into func bpf_redirect_map#51",
    ),
    "updating a devmap": (
        "MAP(m, DEVMAP, 4); SEC('xdp') int p(struct xdp_md *ctx)"
        "{ __u32 k = 0, v = 1; return bpf_map_update_elem(&m, &k, &v, 0); }",
        "EACCES: write into map forbidden",
    ),
    "deleting from a devmap_hash": (
        "MAP(m, DEVMAP_HASH, 8); SEC('xdp') int p(struct xdp_md *ctx)"
        "{ __u32 k = 0; return bpf_map_delete_elem(&m, &k); }",
        "EACCES: write into map forbidden",
    ),
    "updating a cpumap": (
        "MAP(m, CPUMAP, 4); SEC('xdp') int p(struct xdp_md *ctx)"
        "{ __u32 k = 0, v = 1; return bpf_map_update_elem(&m, &k, &v, 0); }",
        "EINVAL: cannot pass map_type 16 into func bpf_map_update_elem#2",
    ),
    "deleting from an xskmap": (
        "MAP(m, XSKMAP, 4); SEC('xdp') int p(struct xdp_md *ctx)"
        "{ __u32 k = 0; return bpf_map_delete_elem(&m, &k); }",
        "EINVAL: cannot pass map_type 17 into func bpf_map_delete_elem#3",
    ),
    "looking up in a cpumap": (
        "MAP(m, CPUMAP, 4); SEC('xdp') int p(struct xdp_md *ctx)"
        "{ __u32 k = 0; return bpf_map_lookup_elem(&m, &k) != 0; }",
        "EINVAL: cannot pass map_type 16 into func bpf_map_lookup_elem#1",
    ),
    "writing through a looked-up device": (
        "MAP(m, DEVMAP, 8); SEC('xdp') int p(struct xdp_md *ctx)"
        "{ __u32 k = 0, *v = bpf_map_lookup_elem(&m, &k); if (v) *v = 5; return 2; }",
        "EACCES: write into map forbidden, value_size=8 off=0 size=4",
    ),
    "using a value that may be null": (
        "MAP(m, HASH, 4); SEC('xdp') int p(struct xdp_md *ctx)"
        "{ __u32 k = 0, *v = bpf_map_lookup_elem(&m, &k); return *v; }",
        "EACCES: R0 invalid mem access 'map_value_or_null'",
    ),
    "reading past a value": (
        "MAP(m, HASH, 4); SEC('xdp') int p(struct xdp_md *ctx)"
        "{ __u32 k = 0, *v = bpf_map_lookup_elem(&m, &k); return v ? v[1] : 0; }",
        "EACCES: invalid access to map value, value_size=4 off=4 size=4",
    ),
    "asking for the egress device without one": (
        "SEC('xdp') int p(struct xdp_md *ctx) { return ctx->egress_ifindex; }",
        "EACCES: invalid bpf_context access off=20 size=4",
    ),
    "asking for the egress device on another cpu": (
        "SEC('xdp/cpumap') int p(struct xdp_md *ctx) { return ctx->egress_ifindex; }",
        "EACCES: invalid bpf_context access off=20 size=4",
    ),
    "writing to the context": (
        "SEC('xdp') int p(struct xdp_md *ctx) { ctx->rx_queue_index = 1; return 2; }",
        "EACCES: invalid bpf_context access off=16 size=4",
    ),
    "passing the context for a map": (
        "SEC('xdp') int p(struct xdp_md *ctx) { return bpf_redirect_map(ctx, 0, 0); }",
        "EACCES: R1 type=ctx expected=map_ptr",
    ),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse_is_refused(lab: Lab, compile_bpf: CompileBpf, misuse: str) -> None:
    source, message = MISUSES[misuse]
    path = compile_bpf(HEAD + source.replace("'", '"'))
    with pytest.raises(KernelError) as refusal:
        lab.load(path)
    assert str(refusal.value) == message


MALFORMED: dict[str, tuple[tuple[Instruction, ...], str]] = {
    "no end": ((ZERO,), "EINVAL: last insn is not an exit or jmp"),
    "unknown opcode": ((op(0xFF), ZERO, EXIT), "EINVAL: unknown opcode ff"),
    "call through a register": ((op(0x8D), ZERO, EXIT), "EINVAL: unknown opcode 8d"),
    "reserved bits of neg": ((ZERO, op(0x87, imm=4), EXIT), "EINVAL: BPF_NEG uses reserved fields"),
    "reserved bits of mov": ((op(0xB7, offset=3), EXIT), "EINVAL: BPF_MOV uses reserved fields"),
    "reserved bits of add": (
        (ZERO, op(0x07, offset=1), EXIT),
        "EINVAL: BPF_ALU uses reserved fields",
    ),
    "odd byte swap": ((ZERO, op(0xD4, imm=17), EXIT), "EINVAL: BPF_END uses reserved fields"),
    "odd sign extension": (
        (op(0xBF, 0, 1, 7), EXIT),
        "EINVAL: BPF_MOV uses reserved fields",
    ),
    "reserved bits of a jump": (
        (ZERO, op(0x15, 0, 1), EXIT),
        "EINVAL: BPF_JMP/JMP32 uses reserved fields",
    ),
    "reserved bits of a call": (
        (op(0x85, offset=1, imm=7), EXIT),
        "EINVAL: BPF_CALL uses reserved fields",
    ),
    "reserved bits of exit": ((ZERO, op(0x95, imm=1)), "EINVAL: BPF_EXIT uses reserved fields"),
    "reserved bits of a load": (
        (op(0x61, 0, 1, 0, 1), EXIT),
        "EINVAL: BPF_LDX uses reserved fields",
    ),
    "reserved bits of a store": (
        (op(0x62, 10, 1, -4), ZERO, EXIT),
        "EINVAL: BPF_ST uses reserved fields",
    ),
    "unknown atomic": (
        (op(0xDB, 10, 1, -8, 0x77), ZERO, EXIT),
        "EINVAL: BPF_ATOMIC uses invalid atomic opcode 77",
    ),
    "atomic on a byte": ((op(0xD3, 10, 1, -8), ZERO, EXIT), "EINVAL: invalid atomic operand size"),
    "division by zero": ((ZERO, op(0x37), EXIT), "EINVAL: div by zero"),
    "shift by the width": ((ZERO, op(0x67, imm=64), EXIT), "EINVAL: invalid shift 64"),
    "register 11": ((op(0xB7, 11), ZERO, EXIT), "EINVAL: R11 is invalid"),
    "writing the frame pointer": ((op(0xB7, 10), ZERO, EXIT), "EACCES: frame pointer is read only"),
    "torn wide instruction": (
        (op(0x18), op(0, 1), EXIT),
        "EINVAL: invalid bpf_ld_imm64 insn",
    ),
    "jump out": ((ZERO, op(0x15, offset=5), EXIT), "EINVAL: jump out of range from insn 1 to 7"),
    "jump into a wide instruction": (
        (ZERO, op(0x15, offset=1), *wide(0, 0), EXIT),
        "EINVAL: jump into the middle of ldimm64 insn 2",
    ),
    "unreachable code": ((ZERO, EXIT, ZERO, EXIT), "EINVAL: unreachable insn 2"),
    "no return value": ((EXIT,), "EACCES: R0 !read_ok"),
    "unknown helper": ((op(0x85, imm=9999), EXIT), "EINVAL: invalid func unknown#9999"),
    "legacy packet access": (
        (op(0x20), EXIT),
        "EINVAL: BPF_LD_[ABS|IND] instructions not allowed for this program type",
    ),
    "moved context": (
        (op(0x07, 1, imm=4), op(0x61, 0, 1), EXIT),
        "EACCES: dereference of modified ctx ptr R1 off=4 disallowed",
    ),
    "half a context field": (
        (op(0x69, 0, 1, 16), EXIT),
        "EACCES: invalid bpf_context access off=16 size=2",
    ),
    "reading through a number": (
        (op(0xB7, 2, imm=5), op(0x71, 0, 2), EXIT),
        "EACCES: R2 invalid mem access 'scalar'",
    ),
    "reading the packet unchecked": (
        (op(0x61, 2, 1, 0), op(0x61, 0, 2, 12), EXIT),
        "EACCES: invalid access to packet, off=12 size=4, R2(id=0,off=12,r=0)",
    ),
    "reading more of the packet than was checked": (
        (
            op(0x61, 2, 1, 0),
            op(0x61, 3, 1, 4),
            op(0xBF, 4, 2),
            op(0x07, 4, imm=14),
            ZERO,
            op(0x2D, 4, 3, 1),
            op(0x71, 0, 2, 14),
            EXIT,
        ),
        "EACCES: invalid access to packet, off=14 size=1, R2(id=0,off=14,r=14)",
    ),
    "reading at the packet's end": (
        (op(0x61, 3, 1, 4), op(0x71, 0, 3), EXIT),
        "EACCES: R3 invalid mem access 'pkt_end'",
    ),
    "writing above the stack": (
        (op(0x62, 10), ZERO, EXIT),
        "EACCES: invalid write to stack R10 off=0 size=4",
    ),
}


@pytest.mark.parametrize("flaw", MALFORMED)
def test_malformed_code_is_refused(lab: Lab, tmp_path: Path, flaw: str) -> None:
    code, message = MALFORMED[flaw]
    path = tmp_path / "flaw.bpf.o"
    path.write_bytes(object_of(code))
    with pytest.raises(KernelError) as refusal:
        lab.load(path)
    assert str(refusal.value) == message


CHECKED = """
SEC("xdp") int p(struct xdp_md *ctx)
{
    char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    __u32 key = ctx->rx_queue_index, *value = bpf_map_lookup_elem(&m, &key);

    if (!value || data + 14 > end)
        return XDP_DROP;
    *value += data[13];
    return XDP_PASS;
}
"""


def test_checked_accesses_are_accepted(lab: Lab, compile_bpf: CompileBpf) -> None:
    with lab.load(compile_bpf(HEAD + "MAP(m, HASH, 4);" + CHECKED)) as loaded:
        assert list(loaded.programs) == ["p"]


def test_a_refusal_knows_its_source_line(compile_bpf: CompileBpf) -> None:
    source = "SEC('xdp') int p(struct xdp_md *ctx)\n{\n\treturn ctx->egress_ifindex;\n}\n"
    path = compile_bpf(f"{HEAD}\n{source}".replace("'", '"'), "egress")
    with pytest.raises(KernelError) as refusal:
        load_object(path, "p", "translator")
    number = HEAD.count("\n") + 4
    assert refusal.value.source.startswith("; return ctx->egress_ifindex; @ ")
    assert refusal.value.source.endswith(f":{number}")


def test_a_branch_never_taken_is_not_checked() -> None:
    code = (ZERO, op(0x15, offset=1), op(0x71, 0, 0), EXIT)
    assert load(program(*code), {}).program.code == code


CONFIGURED = """
MAP(m, DEVMAP, 4);
const volatile int writes = %d;
SEC("xdp") int p(struct xdp_md *ctx)
{
    __u32 key = 0, value = 1;

    return writes ? bpf_map_update_elem(&m, &key, &value, 0) : XDP_PASS;
}
"""


def test_a_branch_that_a_constant_rules_out_is_not_checked(
    lab: Lab, compile_bpf: CompileBpf
) -> None:
    lab.load(compile_bpf(HEAD + CONFIGURED % 0)).close()
    with pytest.raises(KernelError, match="EACCES: write into map forbidden"):
        lab.load(compile_bpf(HEAD + CONFIGURED % 1))


def test_older_releases_lack_newer_helpers() -> None:
    code = program(op(0x85, imm=188), EXIT)
    load(code, {}, "5.18")
    with pytest.raises(KernelError, match="EINVAL: invalid func unknown#188"):
        load(code, {}, "5.15")


def test_a_helper_the_machine_lacks_is_named() -> None:
    with pytest.raises(InputError, match="calls helper 35, which the machine does not have"):
        load(program(op(0x85, imm=35), EXIT), {})


@pytest.mark.parametrize("machine", ENGINES)
def test_a_missing_map_is_named(machine: str, compile_bpf: CompileBpf) -> None:
    path = compile_bpf(HEAD + "MAP(m, HASH, 4);" + CHECKED)
    with pytest.raises(InputError, match="program p needs map 'm'"):
        load(read_object(path).programs[0], {}, engine=machine)
