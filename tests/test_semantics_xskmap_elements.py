# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What user space can do with an XSKMAP; every sentence holds on both engines."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spec import ModelLab
from spec.lab import Lab, Map, Program
from spec.redirect.xsk import OtherSocket
from spec.uapi import BPF_ANY, BPF_EXIST, BPF_NOEXIST, XDP_PASS, XDP_REDIRECT
from tests.bpf_pieces import INCLUDES, XSKMAP, map_of, program
from tests.refusal import refusal

NOBODY = 9999
FRAME = bytes(60)


@pytest.fixture
def sockets(lab: Lab) -> Map:
    return lab.create_map("xskmap", max_entries=4)


@pytest.fixture
def asking(lab: Lab, compile_bpf: Callable[..., Path]) -> tuple[Map, Program]:
    """An XSKMAP, and a program that answers whether slot 1 holds a socket."""
    asks = program("return bpf_redirect_map(&targets, 1, XDP_PASS);")
    loaded = lab.load(compile_bpf(INCLUDES + map_of(XSKMAP) + asks, "slot"))
    return loaded.maps["targets"], loaded.programs["asked"]


@pytest.mark.semantics("2.4")
def test_an_xskmap_checks_flags_then_the_slot_then_the_socket(sockets: Map) -> None:
    for flags in (3, 1 << 3, 1 << 32):
        assert refusal(sockets.update, 4, NOBODY, flags) == "EINVAL"
    assert refusal(sockets.update, 4, NOBODY, BPF_NOEXIST) == "E2BIG"
    assert refusal(sockets.update, 0, NOBODY, BPF_EXIST) == "EBADF"
    assert refusal(sockets.update, 0, -1) == "EBADF"
    assert refusal(sockets.update, 0, sockets.fd, BPF_EXIST) == "ENOTSOCK"
    assert refusal(sockets.update, 0, 0) == "ENOTSOCK"


@pytest.mark.semantics("2.4", "X-02")
def test_noexist_and_exist_mean_what_they_say(lab: Lab, sockets: Map) -> None:
    one, other = lab.socket(), lab.socket()
    assert refusal(sockets.update, 0, one, BPF_EXIST) == "ENOENT"
    sockets.update(0, one, BPF_NOEXIST)
    assert refusal(sockets.update, 0, other, BPF_NOEXIST) == "EEXIST"
    sockets.update(0, other, BPF_EXIST)
    sockets.update(0, one, BPF_ANY)


@pytest.mark.semantics("2.4", "X-02")
def test_the_same_socket_again_is_fine_whatever_the_flags(lab: Lab, sockets: Map) -> None:
    same = lab.socket()
    sockets.update(0, same)
    for flags in (BPF_ANY, BPF_NOEXIST, BPF_EXIST):
        sockets.update(0, same, flags)


@pytest.mark.semantics("X-01")
def test_a_socket_need_not_be_bound(lab: Lab, asking: tuple[Map, Program]) -> None:
    sockets, asked = asking
    sockets.update(1, lab.socket())
    assert asked.test_run(FRAME).retval == XDP_REDIRECT


@pytest.mark.semantics("X-03")
def test_a_lookup_shows_nothing_whatever_the_key(lab: Lab, sockets: Map) -> None:
    sockets.update(0, lab.socket())
    for slot in (0, 1, 4, 0xFFFFFFFF):
        assert refusal(sockets.lookup, slot) == "EOPNOTSUPP"


@pytest.mark.semantics("X-04")
def test_deleting_an_empty_slot_of_an_xskmap_succeeds(
    lab: Lab, asking: tuple[Map, Program]
) -> None:
    sockets, asked = asking
    sockets.update(1, lab.socket())
    sockets.delete(1)
    sockets.delete(1)
    assert asked.test_run(FRAME).retval == XDP_PASS
    assert refusal(sockets.delete, 4) == "EINVAL"


@pytest.mark.semantics("X-04")
def test_the_keys_of_an_xskmap_are_its_slots_even_if_empty(sockets: Map) -> None:
    assert list(sockets.keys()) == [0, 1, 2, 3]
    assert sockets.next_key(77) == 0
    assert refusal(sockets.next_key, 3) == "ENOENT"


@pytest.mark.semantics("X-04")
def test_a_socket_that_is_closed_leaves_every_slot(lab: Lab, asking: tuple[Map, Program]) -> None:
    sockets, asked = asking
    one, other = lab.socket(), lab.socket()
    for slot in (0, 1):
        sockets.update(slot, one)
    one.close()
    assert asked.test_run(FRAME).retval == XDP_PASS
    assert refusal(sockets.update, 0, other, BPF_EXIST) == "ENOENT"


@pytest.fixture
def of_another_family(lab: Lab) -> Iterator[int]:
    """The descriptor of a socket that has nothing to do with XDP."""
    if isinstance(lab, ModelLab):
        yield OtherSocket(lab).fd
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            yield other.fileno()


@pytest.mark.semantics("2.4")
def test_a_socket_of_another_family_is_not_supported(
    lab: Lab, sockets: Map, of_another_family: int
) -> None:
    assert refusal(sockets.update, 0, of_another_family, BPF_EXIST) == "EOPNOTSUPP"
    sockets.update(0, lab.socket())
    assert refusal(sockets.update, 0, of_another_family, BPF_NOEXIST) == "EOPNOTSUPP"


def test_each_full_slot_of_an_xskmap_takes_memory_and_none_of_a_cpumap_does(lab: Lab) -> None:
    sockets, cpus = lab.create_map("xskmap", 4, 4, 2), lab.create_map("cpumap", 4, 4, 2)
    one, before, empty = lab.socket(), sockets.memory, cpus.memory
    sockets.update(0, one)
    sockets.update(1, one)
    assert sockets.memory == before + 2 * 32
    one.close()
    assert sockets.memory == before
    cpus.update(0, 8)
    assert cpus.memory == empty == before
