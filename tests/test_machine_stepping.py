# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A run can be followed one instruction at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spec import ModelLab
from spec.frame import Frame
from spec.machine import load, steps
from spec.machine.host import Context
from spec.program import ModelProgram
from spec.testing.differential.programs.assembly import EXIT, op
from tests.machine_programs import Recorder, program

CompileBpf = Callable[..., Path]

FRAME = bytes(range(64))


def test_each_step_has_the_registers_before_it() -> None:
    code = program(op(0xB7, 0, imm=5), op(0x07, 0, imm=2), op(0x67, 0, imm=1), EXIT)
    taken = steps(load(code, {}), Context(Frame.of(FRAME)), Recorder())
    assert [(step.index, step.registers[0]) for step in taken] == [(0, 0), (1, 5), (2, 7), (3, 14)]
    said = [str(step) for step in taken]
    assert said == ["0: r0 = 0x5", "1: r0 += 0x2", "2: r0 <<= 0x1", "3: exit"]


def test_functions_and_tail_calls_are_entered(compile_bpf: CompileBpf) -> None:
    source = """
    #include <linux/bpf.h>
    #include <bpf/bpf_helpers.h>
    int last(struct xdp_md *ctx);
    struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(key_size, 4); __uint(max_entries, 1);
             __array(values, int(void *)); } next SEC(".maps") = {.values = {(void *)&last}};
    static __noinline int twice(int number) { return number * 2; }
    SEC("xdp") int last(struct xdp_md *ctx) { return twice(ctx->rx_queue_index + 21); }
    SEC("xdp") int first(struct xdp_md *ctx) { bpf_tail_call(ctx, &next, 0); return 1; }
    char _license[] SEC("license") = "GPL";
    """
    with ModelLab() as lab, lab.load(compile_bpf(source)) as loaded:
        first = loaded.programs["first"]
        assert isinstance(first, ModelProgram)
        taken = first.steps(FRAME)
        assert {step.program for step in taken} == {"first", "last"}
        assert taken[0].program == "first"
        assert taken[-1].registers[0] == 42 == first.test_run(FRAME).retval
