# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A process that is killed with a lab open leaves nothing in the kernel."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pyroute2.netlink.rtnl.nsidmsg import nsidmsg

from kernel_impl.descriptor import Descriptor
from kernel_impl.libbpf import check, ffi, libbpf
from kernel_impl.netlink.socket import NetlinkSocket
from kernel_impl.tracefs import open_tracefs
from spec.errors import KernelError
from tests.held_lab import STAGES
from tests.live import need_kernel, programs

pytestmark = pytest.mark.kernel
PROJECT = Path(__file__).parent.parent
PATIENCE_S = 20.0
RTM_NEWNSID, RTM_GETNSID = 88, 90
NO_NSID = 0xFFFFFFFF


@contextmanager
def held(stage: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has a lab open and has got as far as *stage*."""
    command = [sys.executable, "-m", "tests.held_lab", stage, str(programs())]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == stage
            yield process
        finally:
            process.kill()


class Belongings:
    """What a process holds in the kernel, and how much of it is still there."""

    def __init__(self, process: int) -> None:
        self._home = Path(f"/proc/{process}/ns/net").readlink()
        self.namespaces: set[int] = set()
        self.bpf: dict[str, set[int]] = {"prog": set(), "map": set()}
        self._netlink = NetlinkSocket(socket.NETLINK_ROUTE)
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with suppress(FileNotFoundError):  # the process goes on opening and closing
                self._note(descriptor, Path(f"/proc/{process}/fdinfo/{descriptor.name}"))

    def remaining(self) -> dict[str, set[int]]:
        """Namespaces, programs and maps that still exist."""
        still = {
            "namespaces": {number for number in self.namespaces if self._has_namespace(number)},
            "programs": self.bpf["prog"] & ids(libbpf().bpf_prog_get_next_id),
            "maps": self.bpf["map"] & ids(libbpf().bpf_map_get_next_id),
        }
        return {kind: found for kind, found in still.items() if found}

    def left_in_the_end(self) -> dict[str, set[int]]:
        """What remains after the kernel had time to take the process's things down."""
        deadline = time.monotonic() + PATIENCE_S
        while (remaining := self.remaining()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return remaining

    def close(self) -> None:
        self._netlink.close()

    def _note(self, descriptor: Path, details: Path) -> None:
        target = descriptor.readlink()
        if target.name.startswith("net:[") and target != self._home:
            self.namespaces.add(self._number(descriptor))
        for line in details.read_text().splitlines():
            kind, _, number = line.partition("_id:")
            if kind in self.bpf:
                self.bpf[kind].add(int(number))

    def _number(self, descriptor: Path) -> int:
        # A number does not keep the namespace alive, and is taken back when it ends.
        namespace = os.open(descriptor, os.O_RDONLY)
        try:
            self._netlink.request(RTM_NEWNSID, question(namespace, NETNSA_NSID=NO_NSID))
            (answer,) = self._netlink.request(RTM_GETNSID, question(namespace))
        finally:
            os.close(namespace)
        number: int = answer.get_attr("NETNSA_NSID")
        return number

    def _has_namespace(self, number: int) -> bool:
        message = nsidmsg()
        message["attrs"] = [("NETNSA_NSID", number)]
        try:
            (answer,) = self._netlink.request(RTM_GETNSID, message)
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
            return False
        return bool(answer.get_attr("NETNSA_NSID") != NO_NSID)


def question(namespace: int, **attributes: int) -> Any:
    message = nsidmsg()
    message["attrs"] = [("NETNSA_FD", namespace), *attributes.items()]
    return message


def ids(following: Any) -> set[int]:
    """Every id that the kernel goes through."""
    found: set[int] = set()
    number = ffi.new("uint32_t *")
    while True:
        result = following(number[0], number)
        if result == -errno.ENOENT:
            return found
        check(result)
        found.add(number[0])


def mounts() -> str:
    return Path("/proc/self/mountinfo").read_text()


def devices() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


def instances() -> list[str]:
    tracefs = open_tracefs()
    folder = Descriptor(os.open("instances", os.O_RDONLY | os.O_DIRECTORY, dir_fd=tracefs.fd))
    return os.listdir(folder.fd)  # noqa: PTH208


@pytest.mark.parametrize("stage", STAGES)
def test_killing_a_process_leaves_nothing(stage: str) -> None:
    need_kernel()
    before = mounts(), devices(), instances()
    with held(stage) as process, closing(Belongings(process.pid)) as belongings:
        assert belongings.namespaces
        assert bool(belongings.bpf["prog"]) == (stage not in ("opened", "devices"))
        assert belongings.remaining()["namespaces"] == belongings.namespaces
        assert (mounts(), devices(), instances()) == before
        process.kill()
        process.wait()
        assert belongings.left_in_the_end() == {}
        assert (mounts(), devices(), instances()) == before


@pytest.mark.parametrize("examples", [1, 20, 90, 150])
def test_killing_a_run_of_the_pages_leaves_nothing(examples: int) -> None:
    need_kernel()
    before = mounts(), devices(), instances()
    command = [sys.executable, "-m", "pytest", "docs", "--backend", "kernel", "-v"]
    with subprocess.Popen(
        [*command, "-p", "no:cacheprovider"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        belongings = stop_with_programs(process, examples)
        process.kill()
        process.wait()
        with closing(belongings):
            assert belongings.namespaces
            assert belongings.left_in_the_end() == {}
    assert (mounts(), devices(), instances()) == before


def stop_with_programs(process: subprocess.Popen[str], examples: int) -> Belongings:
    """Stop a run after that many examples, or as soon after them as it holds programs."""
    assert process.stdout is not None
    passed = 0
    for line in process.stdout:
        passed += "PASSED" in line
        if passed < examples:
            continue
        process.send_signal(signal.SIGSTOP)
        belongings = Belongings(process.pid)
        if belongings.bpf["prog"]:
            return belongings
        belongings.close()  # between two labs
        process.send_signal(signal.SIGCONT)
    pytest.fail("the run ended before it could be killed")
