# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What programs for entries of maps may and may not; every sentence holds on both engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from spec.lab import Lab, Program
from tests.bpf_pieces import DEVMAP, INCLUDES, map_of, passing, program
from tests.refusal import refusal

CompileBpf = Callable[..., Path]

FRAME = bytes(60)
READS_EGRESS = "return ctx->egress_ifindex ? XDP_PASS : XDP_DROP;"

TAIL_CALLS = map_of("BPF_MAP_TYPE_PROG_ARRAY", "steps", entries=2)
GOES_ON = "bpf_tail_call(ctx, &steps, 0); return XDP_PASS;"


@pytest.mark.semantics("A-01")
def test_only_a_program_for_entries_of_devmaps_knows_an_egress_device(
    lab: Lab, compile_bpf: CompileBpf
) -> None:
    lab.load(compile_bpf(INCLUDES + program(READS_EGRESS, "xdp/devmap"), "egress"))
    for section in ("xdp", "xdp/cpumap", "xdp.frags"):
        source = compile_bpf(INCLUDES + program(READS_EGRESS, section), "egress")
        assert refusal(lab.load, source) == "EACCES"


@pytest.mark.semantics("A-03")
@pytest.mark.parametrize("mode", ["native", "generic"])
@pytest.mark.parametrize("name", ["for_devmap", "for_cpumap", "for_devmap_with_frags"])
def test_a_program_for_entries_is_not_attached_to_a_device(
    lab: Lab, programs: Mapping[str, Program], name: str, mode: str
) -> None:
    eth0 = lab.tap("eth0")
    assert refusal(eth0.attach, programs[name], mode) == "EINVAL"
    eth0.attach(programs["plain"], mode)


@pytest.mark.semantics("A-04")
@pytest.mark.parametrize("live", [False, True], ids=["plain", "live"])
def test_a_program_for_entries_has_no_test_run(programs: Mapping[str, Program], live: bool) -> None:
    for name in ("for_devmap", "for_cpumap"):
        assert refusal(programs[name].test_run, FRAME, live=live) == "EINVAL"
    programs["plain"].test_run(FRAME, live=live)


@pytest.mark.semantics("A-06")
@pytest.mark.parametrize("section", ["xdp/devmap", "xdp/cpumap"])
def test_a_program_for_entries_may_call_the_helpers_of_redirection(
    lab: Lab, compile_bpf: CompileBpf, section: str
) -> None:
    body = "return bpf_redirect(1, 0) + bpf_redirect_map(&targets, 0, 0);"
    lab.load(compile_bpf(INCLUDES + map_of(DEVMAP) + program(body, section), "onward"))


@pytest.mark.semantics("A-07")
def test_programs_of_two_attach_types_do_not_share_tail_calls(
    lab: Lab, compile_bpf: CompileBpf
) -> None:
    one, other = program(GOES_ON, "xdp", "one"), program(GOES_ON, "xdp", "other")
    at_entry = program(GOES_ON, "xdp/devmap", "other")
    lab.load(compile_bpf(INCLUDES + TAIL_CALLS + one + other, "same"))
    mixed = compile_bpf(INCLUDES + TAIL_CALLS + one + at_entry, "mixed")
    assert refusal(lab.load, mixed) == "EINVAL"


@pytest.mark.semantics("A-07", "O-01")
def test_a_program_of_another_attach_type_is_not_put_where_tail_calls_go(
    lab: Lab, compile_bpf: CompileBpf, programs: Mapping[str, Program]
) -> None:
    source = INCLUDES + TAIL_CALLS + program(GOES_ON) + passing("xdp/devmap", "at_entry")
    with lab.load(compile_bpf(source, "steps")) as loaded:
        steps = loaded.maps["steps"]
        steps.update(0, programs["plain"].fd)
        for name in ("for_devmap", "for_cpumap"):
            assert refusal(steps.update, 1, programs[name].fd) == "EINVAL"
