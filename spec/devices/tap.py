# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tap: a device whose cable is a file descriptor.

Mirrors ``drivers/net/tun.c: tun_build_skb, tun_xdp_act, tun_xdp_xmit, tun_net_xmit``. What is
written to the descriptor arrives at the device, what the device sends can be read there. The lab
reads at once, so that ``tx_packets`` counts what was sent.
"""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING

from spec.devices.device import ETHERNET_HEADER, ModelDevice
from spec.devices.straight import has_straight_way, straight_way
from spec.devices.tap_queue import TapQueue
from spec.errors import KernelError
from spec.frame import HEADROOM, LINEAR_ROOM, PADDING, Frame, align
from spec.machine.host import Context, ContextWithoutMetadata
from spec.redirect.generic import run_generic
from spec.redirect.native import do_redirect
from spec.redirect.processor import Processor
from spec.socket_buffers import built, from_tap
from spec.trace import ExceptionRaised
from spec.uapi import Verdict

if TYPE_CHECKING:
    from spec.model import ModelLab
    from spec.program import ModelProgram

_HEADROOM = PADDING + HEADROOM
_NO_FRAME = Frame.of(b"")
_DROP, _PASS, _TX, _REDIRECT = (
    int(Verdict.XDP_DROP),
    int(Verdict.XDP_PASS),
    int(Verdict.XDP_TX),
    int(Verdict.XDP_REDIRECT),
)


class Tap(ModelDevice):
    """Takes redirected frames without further ado, but none with fragments."""

    native = only_shows = True
    max_mtu = 65535 - ETHERNET_HEADER
    shortest, longest = ETHERNET_HEADER, LINEAR_ROOM - _HEADROOM
    """Bytes of a frame that may be written at all, and of one that fits into a page."""

    def __init__(self, lab: ModelLab, name: str, ifindex: int) -> None:
        super().__init__(lab, name, ifindex)
        self._sent: TapQueue = TapQueue()
        # One for all frames: no program keeps it.
        shown = Context if lab.release_table.has("tap_metadata") else ContextWithoutMetadata
        self.context = shown(_NO_FRAME, ifindex)
        self._counted = int(lab.release_table.has("tap_counts_redirects"))

    def opened(self) -> None:
        """The descriptor is open all the time, so frames are taken from the start."""
        self.ndo_xmit = True
        self._set_straight_limit()

    def closed(self) -> None:
        """Nothing is taken any more."""
        self._set_straight_limit()

    def _set_mtu(self, value: int) -> None:
        super()._set_mtu(value)
        self._set_straight_limit()

    def _set_straight_limit(self) -> None:
        self.straight_limit = self.frame_limit if self.is_up else 0

    def install(self, program: ModelProgram | None) -> None:
        """``tun_xdp_set``: nothing to refuse."""
        super().install(program)
        self.arrive = self.inject
        if program is not None and has_straight_way(program):
            self.arrive = straight_way(self, program)

    def announced_features(self) -> frozenset[str]:
        """Set once and for all when the device is made."""
        return frozenset({"basic", "redirect", "ndo-xmit"})

    def inject(self, cpu: Processor, data: bytes) -> None:
        """A frame is written to the descriptor (``tun_get_user``).

        A frame too long for one page goes to the generic path even if the program is native.
        """
        if len(data) < self.shortest:
            raise KernelError(EINVAL)
        program = self.native_program
        if program is None:
            self._pass(cpu, built(data) if len(data) <= self.longest else from_tap(data))
        elif len(data) > self.longest:
            frame = from_tap(data)
            if run_generic(cpu, self, frame, program):
                self._pass(cpu, frame)
        else:
            frame = self.context.frame = self.built(data)
            cpu.begin()
            act = program.executable.run(self.context, cpu)
            self.follow(cpu, frame, program, act)
        cpu.run_softirqs()

    @staticmethod
    def built(data: bytes) -> Frame:
        """*data* as a native program gets it (``tun_build_skb``)."""
        return Frame(data, _HEADROOM, align(_HEADROOM + len(data)))

    def follow(self, cpu: Processor, frame: Frame, program: ModelProgram, act: int) -> None:
        """Carry out the verdict *act* (``tun_xdp_act``)."""
        if act == _REDIRECT:
            if do_redirect(cpu, self, frame, program):
                self.rx_dropped += self._counted
            else:
                self.rx_packets += self._counted
                cpu.flush()
        elif act == _TX:
            if self.xdp_transmit(cpu, [frame], flush=True) < 0:
                self.rx_dropped += self._counted
            else:
                self.rx_packets += self._counted
        elif act == _PASS:
            self._pass(cpu, frame)
        else:
            if act != _DROP:
                cpu.trace.append((ExceptionRaised, program.id, act, self.ifindex))
            self.rx_dropped += 1

    def _pass(self, cpu: Processor, frame: Frame) -> None:
        """The frame goes on as a socket buffer; a device that is down drops it (``EIO``)."""
        if not self.is_up:
            self.rx_dropped += 1
            return
        self.rx_packets += 1
        self.deliver(cpu, frame)

    def xdp_transmit(self, cpu: Processor, frames: list[Frame], flush: bool) -> int:  # noqa: ARG002
        """Frames go into the queue until it is full; the first to fail counts as dropped."""
        taken, room = len(frames), self._sent.room - len(self._sent)
        if taken > room:
            lost = taken - room
            self.tx_dropped += 1 if cpu.release.has("untransmitted_freed_by_core") else lost
            taken, frames = room, frames[:room]
        self.note_sent(frames)
        self.tx_packets += taken
        return taken

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:  # noqa: ARG002
        """A full queue drops the frame, which still counts as taken; down, it is stopped."""
        if not self.is_up:
            return False
        if len(self._sent) < self._sent.room:
            self.note_sent([frame])
            self.tx_packets += 1
        else:
            self.tx_dropped += 1
            frame.drop()
        return True
