# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The C code of a page calls libbpf itself where the kernel is live."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec.errors import KernelError
from spec.testing.compiler import compile_bpf, compile_user
from spec.testing.user_program import CALLS_HEADER, CALLS_SOURCE, UserProgram
from tests.live import live_lab

pytestmark = pytest.mark.kernel

PORTS = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u32);
} ports SEC(".maps");
"""

OPEN = """
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
static struct bpf_object *object;
int open_ports(void)
{
    object = bpf_object__open_file("ports.bpf.o", NULL);
    if (!object || bpf_object__load(object))
        return -1;
    return bpf_map__fd(bpf_object__find_map_by_name(object, "ports"));
}
void close_ports(void) { bpf_object__close(object); }
"""


def test_a_map_made_by_c_code_is_the_kernel_s_and_unknown_to_the_lab() -> None:
    with live_lab() as lab:
        objects = {"ports.bpf.o": compile_bpf(PORTS, "ports")}
        built = compile_user(OPEN, "open", extra=(CALLS_SOURCE,), inputs=(CALLS_HEADER,))
        program = UserProgram(built, lab, objects)
        fd = program.functions["open_ports"]()
        assert isinstance(fd, int)
        assert Path(f"/proc/self/fd/{fd}").readlink().name.endswith("bpf-map")
        with pytest.raises(KernelError, match="EBADF"):
            lab.by_fd(fd)
        program.functions["close_ports"]()
        assert not Path(f"/proc/self/fd/{fd}").is_symlink()
        program.close()
