# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The live lab keeps to itself: its namespace, its thread, its events."""

from __future__ import annotations

import gc
import os
import socket
import threading
from pathlib import Path

import pytest

from kernel_impl import KernelLab
from spec.errors import KernelError
from tests.live import FRAME, live_lab, need_kernel, programs

pytestmark = pytest.mark.kernel
HERE = Path("/proc/thread-self/ns/net")


def test_frame_redirected_through_a_map_leaves_the_other_device() -> None:
    with live_lab() as lab, lab.load(programs()) as loaded:
        eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
        eth0.attach(loaded.programs["forward"])
        loaded.maps["ports"].update(0, (eth1, loaded.programs["at_egress"]))
        assert repr(eth0.receive(FRAME)) == (
            "xdp_redirect     eth0 -> eth1  map ports[0]\n"
            "xdp_devmap_xmit  eth0 -> eth1  sent 1 drops 0"
        )
        assert eth1.sent == [FRAME]
        assert eth0.received == []
        assert repr(loaded.maps["ports"].lookup(0)) == "eth1 with program at_egress"


def test_the_thread_is_back_in_its_namespace_after_every_operation() -> None:
    home = HERE.readlink()
    with live_lab() as lab:
        lab.tap("eth0").receive(FRAME)
        lab.veth("veth0")
        lab.namespace()
        assert HERE.readlink() == home
        with lab.inside():
            assert HERE.readlink() != home
            with lab.inside():
                names = {name for _, name in socket.if_nameindex()}
                assert names == {"lo", "eth0", "veth0", "veth0-peer"}
            assert HERE.readlink() != home
        assert HERE.readlink() == home
    assert HERE.readlink() == home


def test_the_thread_gets_its_cpus_back_whichever_lab_closes_first() -> None:
    need_kernel()
    before = os.sched_getaffinity(0)
    first, second = KernelLab(), KernelLab()
    assert os.sched_getaffinity(0) == {min(before)}
    first.close()
    assert os.sched_getaffinity(0) == {min(before)}
    second.close()
    assert os.sched_getaffinity(0) == before


def test_closing_twice_is_closing_once() -> None:
    with live_lab() as lab:
        lab.tap("eth0")
        lab.close()


def test_closing_gives_up_every_descriptor_though_devices_are_still_referred_to() -> None:
    with live_lab():
        path = programs()
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with live_lab() as lab:
        eth0, veth0, loaded = lab.tap("eth0"), lab.veth("veth0"), lab.load(path)
        eth0.attach(loaded.programs["pass"])
        veth0.move(lab.namespace())
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    for device in (eth0, veth0):
        with pytest.raises(KernelError, match=r"^ENODEV$"):
            device.receive(FRAME)


def test_two_labs_see_only_their_own_events() -> None:
    with live_lab() as one, live_lab() as other:
        for lab in (one, other):
            loaded = lab.load(programs())
            eth0 = lab.tap("eth0")
            eth0.attach(loaded.programs["abort_it"])
        one.devices()[eth_of(one)].receive(FRAME)
        assert other.events() == []
        assert len(other.devices()[eth_of(other)].receive(FRAME, FRAME)) == 2
        assert one.events() == []


def eth_of(lab: KernelLab) -> int:
    return next(ifindex for ifindex, device in lab.devices().items() if device.name == "eth0")


def test_labs_in_two_threads_do_not_disturb_each_other() -> None:
    need_kernel()
    path, failures = programs(), list[BaseException]()

    def work() -> None:
        try:
            with KernelLab() as lab, lab.load(path) as loaded:
                eth0, eth1 = lab.tap("eth0"), lab.tap("eth1")
                eth0.attach(loaded.programs["forward"])
                loaded.maps["ports"].update(0, eth1)
                for _ in range(20):
                    assert len(eth0.receive(FRAME)) == 2
                    assert eth1.sent == [FRAME]
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_ifindexes_are_never_given_out_twice() -> None:
    with live_lab() as lab:
        lab.veth("veth0")
        first = set(lab.devices())
    with live_lab() as lab:
        lab.veth("veth0")
        assert set(lab.devices()) & first == {lab.lo.ifindex} == {1}


def test_a_lab_that_is_forgotten_is_taken_down() -> None:
    need_kernel()
    lab = KernelLab()
    lab.tap("eth0").attach(lab.load(programs()).programs["pass"])
    descriptor = lab.network.descriptor
    cpus = os.sched_getaffinity(0)
    del lab
    gc.collect()
    assert descriptor.fd == -1
    assert os.sched_getaffinity(0) >= cpus


def test_a_forked_child_leaves_the_lab_of_its_parent_alone() -> None:
    with live_lab() as lab:
        eth0 = lab.tap("eth0")
        child = os.fork()
        if not child:
            lab.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert eth0.mtu == 1500


def test_no_device_has_an_address_or_says_a_word() -> None:
    with live_lab() as lab:
        veth0, eth0 = lab.veth("veth0"), lab.tap("eth0")
        lab.bridge("br0", veth0, eth0)
        with lab.inside():
            addresses = Path("/proc/thread-self/net/if_inet6")
            assert not addresses.exists() or addresses.read_text() == ""
        eth0.receive()
        assert veth0.received == veth0.sent == eth0.sent == []


def test_a_descriptor_stands_for_its_map_or_program_until_it_is_closed() -> None:
    with live_lab() as lab:
        ports = lab.create_map("devmap", max_entries=4, name="ports")
        assert lab.by_fd(ports.fd) is ports
        fd = ports.fd
        ports.close()
        with pytest.raises(KernelError, match=r"^EBADF$"):
            lab.by_fd(fd)
        with pytest.raises(KernelError, match=r"^EBADF$"):
            ports.lookup(0)


def test_layout_of_a_structure_comes_from_the_kernel() -> None:
    with live_lab() as lab:
        assert [tuple(field) for field in lab.struct("bpf_devmap_val")] == [
            ("ifindex", 0, 4),
            ("bpf_prog.fd", 4, 4),
            ("bpf_prog.id", 4, 4),
        ]
        with pytest.raises(KernelError, match=r"^ENOENT: no struct bpf_nonsense_val$"):
            lab.struct("bpf_nonsense_val")


def test_tracepoints_are_those_about_frames() -> None:
    with live_lab() as lab:
        points = lab.tracepoints()
        assert points["xdp_exception"] == ("prog_id", "act", "ifindex")
        assert all(name.startswith("xdp_") for name in points)
