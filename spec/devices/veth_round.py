# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One NAPI poll of a veth: what its program makes of the frames in its ring.

Mirrors ``drivers/net/veth.c: veth_poll, veth_xdp_rcv, veth_xdp_rcv_one, veth_xdp_rcv_skb,
veth_xdp_flush_bq``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec.devices.gro import Gro
from spec.frame import HEADROOM, Frame
from spec.machine.host import Context
from spec.redirect.native import do_redirect
from spec.trace import BulkTx, ExceptionRaised
from spec.uapi import Verdict

if TYPE_CHECKING:
    from spec.devices.veth_queue import Incoming, VethQueue
    from spec.redirect.processor import Processor

ETHERNET_HEADER = 14
BULK_SIZE = 16
"""Frames of ``XDP_TX`` that are sent back together, and of ``XDP_PASS`` that go up together."""
_DROP, _PASS, _TX, _REDIRECT = (
    int(Verdict.XDP_DROP),
    int(Verdict.XDP_PASS),
    int(Verdict.XDP_TX),
    int(Verdict.XDP_REDIRECT),
)


class VethRound:
    """Takes frames from the ring of *queue* and follows the program's verdicts."""

    __slots__ = ("back", "cpu", "device", "gro", "in_bulks", "passed", "queue", "redirected")

    def __init__(self, queue: VethQueue, cpu: Processor) -> None:
        self.queue, self.device, self.cpu = queue, queue.device, cpu
        self.redirected = False
        self.back: list[Frame] = []
        self.passed: list[Frame] = []
        self.in_bulks = cpu.release.has("veth_passes_in_bulks")
        self.gro = Gro(lambda ingress, frame: ingress.deliver(cpu, frame))

    def run(self, budget: int) -> int:
        """Handle at most *budget* frames; how many there were."""
        queue, done = self.queue, 0
        while done < budget and queue.ring:
            self._handle(queue.ring.take_one())
            done += 1
        self._pass_on()
        queue.statistics.xdp_packets += done
        return done

    def flush(self) -> None:
        """What was redirected leaves its bulk queues (``xdp_do_flush``)."""
        if self.redirected:
            self.redirected = False
            self.cpu.flush()

    def _writable(self, frame: Frame) -> Frame:
        """The socket buffer *frame* for a program (``veth_convert_skb_to_xdp_buff``).

        A copy, unless it is a page of its own with room in front.
        """
        if not (frame.locked or frame.cloned or frame.frags or frame.start < HEADROOM):
            frame.meta = frame.start
            return frame
        copy = self.queue.pages.copy(frame.data())
        copy.redirected = frame.redirected
        frame.drop()
        return copy

    def send_back(self) -> None:
        """What is left of ``XDP_TX`` goes into the peer's ring (``veth_xdp_flush``)."""
        if self.back:
            self._send_back()
            peer = self.device.peer
            if peer is not None and peer.native_program is not None:
                peer.queue_of(self.cpu).kick(self.cpu)

    def _handle(self, incoming: Incoming) -> None:
        device, cpu, program = self.device, self.cpu, self.device.native_program
        frame, counts = incoming.frame, self.queue.statistics
        # A socket buffer has left its Ethernet header behind.
        counts.xdp_bytes += len(frame) - (0 if incoming.redirected else ETHERNET_HEADER)
        if program is None:
            self._pass(frame, incoming.redirected)
            return
        if not incoming.redirected:
            frame = self._writable(frame)
        act = program.executable.run(Context(frame, device.ifindex, self.queue.index), cpu)
        if act == _PASS:
            self._pass(frame, incoming.redirected)
        elif act == _TX:
            if len(self.back) == BULK_SIZE:
                self._send_back()
            self._convert(incoming, frame)
            self.back.append(frame)
        elif act == _REDIRECT:
            self._convert(incoming, frame)
            if do_redirect(cpu, device, frame, program, self.queue.index):
                counts.drops += 1
                frame.drop()
            else:
                counts.xdp_redirect += 1
                self.redirected = True
        else:
            if act != _DROP:
                cpu.trace.append((ExceptionRaised, program.id, act, device.ifindex))
            counts.xdp_drops += 1
            frame.drop()

    def _convert(self, incoming: Incoming, frame: Frame) -> None:
        """The packet leaves as a frame.

        Of a socket buffer's page that takes a second reference, with which no pool wants the page
        back (``veth_xdp_get``).
        """
        if not incoming.redirected:
            frame.keep_page()
        frame.convert()

    def _pass(self, frame: Frame, redirected: bool) -> None:
        """Up the stack: a socket buffer at once, a frame together with others."""
        if not (redirected and self.in_bulks):
            self.gro.receive(self.device, frame)
            return
        self.passed.append(frame)
        if len(self.passed) == BULK_SIZE:
            self._pass_on()

    def _pass_on(self) -> None:
        """Frames that have become socket buffers together (``veth_xdp_rcv_bulk_skb``)."""
        for frame in self.passed:
            self.gro.receive(self.device, frame)
        self.passed.clear()

    def _send_back(self) -> None:
        """``veth_xdp_flush_bq``: into the peer's ring, without waking it yet."""
        frames, self.back = self.back, []
        sent, err = self.device.fill_peer(self.cpu, frames, flush=False), 0
        if sent < 0:
            sent, err = 0, sent
        for frame in frames[sent:]:
            frame.drop()
        drops = len(frames) - sent
        self.cpu.trace.append((BulkTx, self.device.ifindex, _TX, drops, sent, err))
        self.queue.statistics.xdp_tx += sent
        self.queue.statistics.xdp_tx_errors += drops
