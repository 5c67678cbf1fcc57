# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What random programs have found the machine to do otherwise than the kernel, kept small."""

from __future__ import annotations

from errno import E2BIG, EACCES, EEXIST, EINVAL

import pytest

from spec import ModelLab
from spec.errors import KernelError
from spec.interface.program import TestRun as Result
from spec.lab import Lab
from spec.machine.instruction import JLE, JLT, JSLE, JSLT
from spec.testing.differential.programs.assembly import EXIT, Line, assemble, op
from spec.testing.differential.programs.memory_file import loaded
from spec.testing.differential.programs.object_file import write_object
from spec.testing.differential.programs.type_information import MapShape
from spec.testing.differential.programs.version import probe
from spec.uapi import MapType

PROGRAMS = MapShape("programs", MapType.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1)
COUNTS = MapShape("counts", MapType.BPF_MAP_TYPE_ARRAY, 4, 8, 2)


def run(
    lab: Lab, *lines: Line, data: bytes = bytes(64), maps: tuple[MapShape, ...] = (),
    section: str = "xdp",
) -> Result:  # fmt: skip
    """What the program of just these lines comes to."""
    content = write_object({"program": assemble(lines)}, maps=maps, section=section)
    with loaded(lab, content) as made:
        return made.programs["program"].test_run(data)


@pytest.mark.parametrize("comparison", [JLT, JLE, JSLT, JSLE])
@pytest.mark.parametrize("kind", [5, 6])
def test_a_jump_whose_outcome_is_known_is_followed_where_it_goes(
    lab: Lab, comparison: int, kind: int
) -> None:
    # JSLT and JSLE share bits with the atomic operations.
    result = run(
        lab,
        Line(op(0xB7, 2)),
        Line(op(0xB7, 3, imm=1)),
        Line(op(comparison | kind, 2, imm=1), "less"),
        Line(op(0xB7, 3, imm=9)),
        Line(None, "less"),
        Line(op(0x61, 4, 1, 0)),
        Line(op(0x61, 5, 1, 4)),
        Line(op(0x0F, 4, 3)),
        Line(op(0xBF, 6, 4)),
        Line(op(0x07, 6, imm=1)),
        Line(op(0x2D, 6, 5), "end"),
        Line(op(0x72, 4, imm=7)),
        Line(None, "end"),
        Line(op(0xBF, 0, 3)),
        Line(EXIT),
    )
    assert (result.retval, result.data[:2]) == (1, b"\0\7")


@pytest.mark.parametrize(
    ("key", "flags", "error"),
    [(2, 5, E2BIG), (1, 5, EEXIST), (1, 4, EINVAL), (1, 6, EINVAL), (2, 7, EINVAL)],
)
@pytest.mark.parametrize("type", [MapType.BPF_MAP_TYPE_ARRAY, MapType.BPF_MAP_TYPE_PERCPU_ARRAY])
def test_the_flag_for_a_lock_is_looked_at_last(
    lab: Lab, type: MapType, key: int, flags: int, error: int
) -> None:
    result = run(
        lab,
        Line(op(0x62, 10, 0, -8, key)),
        Line(op(0x7A, 10, 0, -16, 0)),
        Line(op(0x18, 1, 1), map="counts"),
        Line(op(0xBF, 2, 10)),
        Line(op(0x07, 2, imm=-8)),
        Line(op(0xBF, 3, 10)),
        Line(op(0x07, 3, imm=-16)),
        Line(op(0xB7, 4, imm=flags)),
        Line(op(0x85, imm=2)),
        Line(op(0x87, 0)),
        Line(EXIT),
        maps=(COUNTS._replace(type=type),),
    )
    assert result.retval == error


@pytest.mark.parametrize(
    ("difference", "fits"), [(0x7FFFFFFF - 1513, True), (0x7FFFFFFF - 1514, False)]
)
def test_a_length_to_check_wraps_around(lab: Lab, difference: int, fits: bool) -> None:
    result = run(
        lab,
        Line(op(0x62, 10, 0, -8, 1500)),
        Line(op(0xB7, 2)),
        Line(op(0xBF, 3, 10)),
        Line(op(0x07, 3, imm=-8)),
        Line(op(0xB7, 4, imm=difference)),
        Line(op(0xB7, 5)),
        Line(op(0x85, imm=163)),
        Line(EXIT),
    )
    assert result.retval == (0 if fits else 1)


@pytest.mark.parametrize(
    ("length", "more", "after"),
    [(3521, 64, 3585), (3521, 4095, 7616), (3521, 4096, 3521), (7616, 1, 7616), (7617, 1, 7618)],
)
def test_the_last_fragment_of_a_test_run_grows_to_a_page(
    lab: Lab, length: int, more: int, after: int
) -> None:
    data = b"\xff" * length
    result = run(
        lab,
        Line(op(0xB7, 2, imm=more)),
        Line(op(0x85, imm=65)),
        Line(op(0x87, 0)),
        Line(EXIT),
        data=data,
        section="xdp.frags",
    )
    assert result.data == data.ljust(after, b"\0")
    assert result.retval == (0 if after > length else EINVAL)


def test_a_load_with_acquire_knows_no_more_than_it_loads(lab: Lab) -> None:
    if not probe(lab).has_acquire:
        pytest.skip("this kernel has no load with acquire")
    result = run(
        lab,
        Line(op(0x7A, 10, 0, -8, -2)),
        Line(op(0xCB, 6, 10, -8, 0x100)),
        Line(op(0xB7, 0, imm=1)),
        Line(op(0xC5, 6, imm=7), "less"),
        Line(op(0xB7, 0, imm=2)),
        Line(None, "less"),
        Line(EXIT),
    )
    assert result.retval == 2


def test_each_program_of_a_chain_may_call_functions(lab: Lab) -> None:
    """A function calls its own program anew, 33 times, while those before it wait."""
    functions = {
        "again": assemble(
            [
                Line(op(0x18, 2, 1), map="programs"),
                Line(op(0xB7, 3)),
                Line(op(0x85, imm=12)),
                Line(op(0xB7, 0)),
                Line(EXIT),
            ]
        )
    }
    programs = {
        "program": assemble([Line(op(0x85, 0, 1), "again"), Line(op(0x07, 0, imm=1)), Line(EXIT)])
    }
    with loaded(lab, write_object(programs, functions, (PROGRAMS,))) as made:
        made.maps["programs"].update(0, made.programs["program"].fd)
        assert made.programs["program"].test_run(bytes(64)).retval == 34


def test_programs_run_by_the_interpreter_if_asked() -> None:
    with ModelLab(machine="interpreter") as lab:
        content = write_object({"program": assemble([Line(op(0xB7, 0, imm=2)), Line(EXIT)])})
        with loaded(lab, content) as made:
            assert made.programs["program"].test_run(bytes(64)).retval == 2


LOADED: dict[str, list[Line]] = {
    "an exit with an offset": [Line(op(0xB7)), Line(op(0x95, 0, 0, 7))],
    "a division that a range rules out": [
        Line(op(0x61, 2, 1, 16)),
        Line(op(0xB7)),
        Line(op(0x57, 2, imm=7)),
        Line(op(0x25, 2, imm=7), "never"),
        Line(EXIT),
        Line(None, "never"),
        Line(op(0x37, 0)),
        Line(EXIT),
    ],
    "a strange move that a constant rules out": [
        Line(op(0xB7)),
        Line(op(0x15), "end"),
        Line(op(0xBF, 0, 5, 3)),
        Line(None, "end"),
        Line(EXIT),
    ],
    "a register that nobody has, never used": [
        Line(op(0xB7)),
        Line(op(0x15), "end"),
        Line(op(0xBF, 0, 11)),
        Line(None, "end"),
        Line(EXIT),
    ],
}


@pytest.mark.parametrize("lines", LOADED.values(), ids=LOADED)
def test_what_never_runs_may_be_anything(lab: Lab, lines: list[Line]) -> None:
    assert run(lab, *lines).retval == 0


REFUSED: dict[str, tuple[int, list[Line]]] = {
    "the first of two faults": (
        EACCES,
        [Line(op(0xBF, 0, 5)), Line(op(0x37, 0)), Line(EXIT)],
    ),
    "the first on the way, not in the text": (
        EACCES,
        [
            Line(op(0x05), "later"),
            Line(None, "earlier"),
            Line(op(0xB7)),
            Line(op(0x37, 0)),
            Line(EXIT),
            Line(None, "later"),
            Line(op(0xBF, 0, 5)),
            Line(op(0x05), "earlier"),
        ],
    ),
    "a register before a division by zero": (EACCES, [Line(op(0x37, 5)), Line(EXIT)]),
    "a register before a shift": (EACCES, [Line(op(0x67, 5, imm=64)), Line(EXIT)]),
    "reserved fields before a register": (EINVAL, [Line(op(0x0F, 5, 4, 1)), Line(EXIT)]),
    "the operand of a jump before its fields": (
        EACCES,
        [Line(op(0x15, 5, 1), "end"), Line(None, "end"), Line(EXIT)],
    ),
    "a result that there is none": (
        EACCES,
        [
            Line(op(0x18, 2), map="programs"),
            Line(op(0xB7, 3)),
            Line(op(0x85, imm=12)),
            Line(op(0x37, 0)),
            Line(EXIT),
        ],
    ),
    "an opcode anywhere": (
        EINVAL,
        [Line(op(0xB7)), Line(op(0x15), "end"), Line(op(0xFF)), Line(None, "end"), Line(EXIT)],
    ),
}


@pytest.mark.parametrize(("error", "lines"), REFUSED.values(), ids=REFUSED)
def test_the_verifier_names_the_fault_it_meets_first(
    lab: Lab, error: int, lines: list[Line]
) -> None:
    with pytest.raises(KernelError) as refusal:
        run(lab, *lines, maps=(PROGRAMS,) if any(line.map for line in lines) else ())
    assert refusal.value.errno == error


def test_a_missing_result_counts_before_what_is_done_with_it(lab: Lab) -> None:
    functions = {"nothing": assemble([Line(EXIT)])}
    main = [Line(op(0x85, 0, 1), "nothing"), Line(op(0x67, imm=64)), Line(EXIT)]
    content = write_object({"program": assemble(main)}, functions)
    if lab.engine == "model":
        # It does not follow what functions return, and leaves it to the run.
        with loaded(lab, content):
            return
    with pytest.raises(KernelError, match="EACCES: R0 !read_ok"), loaded(lab, content):
        pass
