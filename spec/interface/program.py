# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A loaded XDP program, and what a test run of it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from spec.trace import EventLog
from spec.uapi import Verdict, verdict

if TYPE_CHECKING:
    from spec.interface.device import Device


class _Outcome(NamedTuple):
    retval: Verdict | int
    data: bytes


class TestRun(_Outcome):
    """What one ``BPF_PROG_TEST_RUN`` gave back: ``retval, data = program.test_run(...)``.

    ``retval`` is the program's return value (always 0 for live frames), ``data`` the packet
    afterwards (empty for live frames). Beside the two, ``events`` is what live frames caused.
    """

    events: EventLog

    @classmethod
    def of(cls, retval: int, data: bytes, events: EventLog) -> TestRun:
        run = cls(verdict(retval), data)
        run.events = events
        return run


class Program(ABC):
    """A loaded XDP program."""

    name: str
    fd: int
    id: int

    @abstractmethod
    def test_run(
        self,
        data: bytes,
        ingress: Device | None = None,
        repeat: int = 1,
        live: bool = False,
        batch_size: int = 0,
        context: Mapping[str, int] | None = None,
        flags: int = 0,
        data_out: bool = True,
    ) -> TestRun:
        """Run the program on *data* (``net/bpf/test_run.c: bpf_prog_test_run_xdp``).

        Plain runs only report the verdict. With ``live=True`` the verdict is carried out, for
        *repeat* frames in batches of *batch_size* (0 means 64). *ingress* is the receiving
        device; without it the loopback device of the lab's namespace.

        The rest is for asking the kernel unusual questions: *context* gives members of the
        ``struct xdp_md`` handed in (``data``, ``data_end``, ``data_meta``, ``ingress_ifindex``,
        ``rx_queue_index``, ``egress_ifindex``; 0 where not given), *flags* more bits of
        ``test.flags``, and *data_out* whether the packet is asked back.
        """

    @abstractmethod
    def close(self) -> None:
        """Give up the file descriptor; the program lives on where it is attached or stored."""

    def __repr__(self) -> str:
        return f"<program {self.name}>"
