# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Maps of redirect targets inside maps of maps."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec.errors import KernelError
from spec.lab import Lab, LoadedObject
from spec.testing.compiler import compile_bpf

KINDS = ("devmap", "devmap_hash", "cpumap", "xskmap")

OUTER = """
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 2);
    __type(key, __u32);
    __array(values, struct {
        __uint(type, BPF_MAP_TYPE_%s);
        __uint(max_entries, 4);
        __type(key, __u32);
        __type(value, __u32);
    });
} of_%s SEC(".maps");
"""


def outer_maps() -> Path:
    """An object with a map of maps for each type of inner map."""
    declared = "".join(OUTER % (kind.upper(), kind) for kind in KINDS)
    includes = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
    program = 'SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }\n'
    return compile_bpf(includes + declared + program, "outer")


@pytest.fixture
def outer(lab: Lab) -> LoadedObject:
    return lab.load(outer_maps())


@pytest.mark.semantics("C-14")
@pytest.mark.parametrize("kind", KINDS)
def test_a_map_of_targets_may_be_an_inner_map(lab: Lab, outer: LoadedObject, kind: str) -> None:
    inner = lab.create_map(kind, max_entries=4)
    outer.maps[f"of_{kind}"].update(0, inner.fd)


@pytest.mark.semantics("C-14")
@pytest.mark.parametrize("kind", KINDS[:3])
def test_an_inner_map_may_have_more_entries(lab: Lab, outer: LoadedObject, kind: str) -> None:
    outer.maps[f"of_{kind}"].update(0, lab.create_map(kind, max_entries=5).fd)


@pytest.mark.semantics("C-14")
def test_an_inner_xskmap_has_as_many_entries_as_declared(lab: Lab, outer: LoadedObject) -> None:
    with pytest.raises(KernelError, match=r"^EINVAL$"):
        outer.maps["of_xskmap"].update(0, lab.create_map("xskmap", max_entries=5).fd)


@pytest.mark.semantics("C-14")
@pytest.mark.parametrize("kind", KINDS[:3])
def test_an_inner_map_has_values_as_declared(lab: Lab, outer: LoadedObject, kind: str) -> None:
    with pytest.raises(KernelError, match=r"^EINVAL$"):
        outer.maps[f"of_{kind}"].update(0, lab.create_map(kind, value_size=8, max_entries=4).fd)


@pytest.mark.semantics("C-14")
def test_an_inner_map_is_of_the_declared_type(lab: Lab, outer: LoadedObject) -> None:
    with pytest.raises(KernelError, match=r"^EINVAL$"):
        outer.maps["of_devmap"].update(0, lab.create_map("devmap_hash", max_entries=4).fd)
