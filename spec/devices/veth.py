# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Veth: two devices, each the other's cable.

Mirrors ``drivers/net/veth.c``. A veth takes redirected frames only if its *peer* has a NAPI
context to poll them: because of a native program there, or of GRO.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import ENOSPC, ENOTCONN, ENXIO, ERANGE
from typing import TYPE_CHECKING

from spec.devices.device import ETHERNET_HEADER, ModelDevice
from spec.devices.packet_socket import socket_buffer
from spec.devices.veth_queue import VethQueue
from spec.devices.veth_statistics import shown, total
from spec.errors import KernelError
from spec.frame import HEADROOM, LINEAR_ROOM, MAX_FRAGS, PAGE_SIZE, Frame
from spec.program import ModelProgram
from spec.redirect.processor import Processor

if TYPE_CHECKING:
    from spec.model import ModelLab

MAX_PEER_MTU = LINEAR_ROOM - HEADROOM - ETHERNET_HEADER
"""With a program that does not know fragments; each fragment adds a page."""
MAX_MTU = 65535
_TOO_FEW_QUEUES = "veth: XDP expects number of rx queues not less than peer tx queues"


class Veth(ModelDevice):
    """One end. NAPI contexts poll its ``queues`` while ``polls``; it sends by as many queues."""

    native = True

    def __init__(self, lab: ModelLab, name: str, ifindex: int, queues: int = 1) -> None:
        super().__init__(lab, name, ifindex)
        self._peer: Veth | None = None
        self._other: Veth | None = None
        self.gro = False
        self.polls = False
        self.queues = [VethQueue(self, index) for index in range(queues)]
        self.rx_queues = queues
        self._announces = True
        self.plain_packets = self.dropped = 0

    def connect(self, peer: Veth) -> None:
        """Lay the cable (``veth_newlink``)."""
        self._peer = self._other = peer
        peer._peer = peer._other = self
        self.refresh_features()
        peer.refresh_features()

    @property
    def peer(self) -> Veth | None:
        """The other end, which is gone once this one is."""
        return self._other

    # Who polls, and who is therefore a target.

    @property
    def wants_napi(self) -> bool:
        """Whether this end has a NAPI context when it is up."""
        by_gro = self.gro and self.release.has("veth_napi_by_gro")
        return self.native_program is not None or by_gro

    def refresh_features(self) -> None:
        """``veth_set_xdp_features``; before ``xdp_features`` every veth was a target."""
        if not self.release.has("xdp_features"):
            self.ndo_xmit = True
        elif self._peer is not None and not self._has_queues_for(self._peer):
            self._announces = False
            self._become_target(False)
        elif self._peer is not None:
            self._announces = True
            self._become_target(self._peer.native_program is not None or self._peer.gro)

    def _become_target(self, target: bool) -> None:
        if self.release.has("xdp_features"):
            self.ndo_xmit = self.ndo_xmit_sg = target

    def announced_features(self) -> frozenset[str]:
        """A target for redirected frames also takes fragments.

        With fewer queues than the peer has, there is nothing else to announce.
        """
        target = {"ndo-xmit", "ndo-xmit-sg"} if self.ndo_xmit else set()
        basic = {"basic", "redirect", "rx-sg"} if self._announces else set()
        return frozenset(basic | target)

    def opened(self) -> None:
        """``veth_open``: brings the features up to date, once only those of this end."""
        self.polls = self.wants_napi
        self.refresh_features()
        if self._peer is not None and self.release.has("veth_open_refreshes_peer"):
            self._peer.refresh_features()

    def closed(self) -> None:
        """``veth_close``: what waits in the ring is lost."""
        self._set_polls(False)
        if self._peer is not None:
            self._peer.announce_no_carrier()

    def request_gro(self, on: bool) -> None:
        """``veth_set_features``: without effect on the peer while down, or beside a program."""
        changed, self.gro = self.gro != on, on
        if not changed or not self.is_up or self.native_program is not None:
            return
        self._set_polls(self.wants_napi)
        if self._peer is not None:
            self._peer._become_target(on)

    def install(self, program: ModelProgram | None) -> None:
        """``veth_xdp_set``."""
        before, peer = self.native_program, self._peer
        if program is not None:
            limit = MAX_PEER_MTU + (MAX_FRAGS * PAGE_SIZE if program.has_frags else 0)
            if peer is None:
                raise KernelError(ENOTCONN, "veth: Cannot set XDP when peer is detached")
            if peer.mtu > limit:
                raise KernelError(ERANGE, "veth: Peer MTU is too large to set XDP")
            if not self._has_queues_for(peer):
                raise KernelError(ENOSPC, _TOO_FEW_QUEUES)
            if before is None:
                peer.max_mtu = limit
            peer._become_target(True)
        elif peer is not None:
            peer.max_mtu = MAX_MTU
            if not self.gro:
                peer._become_target(False)
        self.native_program = program
        self._set_polls(self.is_up and self.wants_napi)

    def _set_polls(self, polls: bool) -> None:
        self.polls = polls
        if not polls:
            for queue in self.queues:
                queue.stop()

    def _has_queues_for(self, peer: Veth) -> bool:
        """Whether each queue that *peer* sends by has one of its own here."""
        return len(peer.queues) <= len(self.queues)

    def unregister(self) -> None:
        """``veth_dellink``: both ends go."""
        peer, self._peer = self._peer, None
        super().unregister()
        if peer is not None:
            peer._peer = None
            peer.unregister()

    # Frames.

    def inject(self, cpu: Processor, data: bytes) -> None:
        """The peer sends *data* as an ordinary packet; while it is down, nothing happens."""
        peer = self._peer
        if peer is not None and peer.is_up:
            peer.queue_xmit(cpu, socket_buffer(peer, data))
            cpu.run_softirqs()

    @property
    def carries(self) -> bool:
        """Both ends must be up (``veth_open``, ``veth_close``)."""
        return self.is_up and self._peer is not None and self._peer.is_up

    def queue_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """A veth has no queueing discipline, so that its sender learns of a drop."""
        lost = self.dropped
        return super().queue_xmit(cpu, frame) and self.dropped == lost

    def start_xmit(self, cpu: Processor, frame: Frame) -> bool:
        """``veth_xmit``: into the peer's ring if it polls for every packet, else up its stack."""
        peer, number = self._peer, cpu.number % len(self.queues)
        if peer is None or not peer.is_up or len(frame) > peer.frame_limit:
            self.dropped += 1
            if peer is not None:
                peer.rx_dropped += 1
            frame.drop()
        elif not peer.native_program or number >= len(peer.queues):
            if cpu.backlog.add(cpu, peer, frame):
                self.plain_packets += 1
            else:
                self.dropped += 1
        else:
            if not peer.queues[number].put(frame, redirected=False):
                self.dropped += 1
                frame.drop()
            peer.queues[number].kick(cpu)
        return True

    def xdp_transmit(self, cpu: Processor, frames: list[Frame], flush: bool) -> int:
        """``veth_ndo_xdp_xmit``: ``-ENXIO`` without a peer that polls."""
        sent = self.fill_peer(cpu, frames, flush)
        peer = self._peer
        if sent < 0:
            self.dropped += len(frames)
        elif peer is not None:
            counts = peer.queue_of(cpu).statistics
            counts.xmit += sent
            counts.xmit_errors += len(frames) - sent
        return sent

    def fill_peer(self, cpu: Processor, frames: list[Frame], flush: bool) -> int:
        """``veth_xdp_xmit``: up to the first frame too long or without room."""
        peer = self._peer
        if peer is None or not peer.polls:
            return -ENXIO
        sent, queue = 0, peer.queue_of(cpu)
        for frame in frames:
            if len(frame) > peer.frame_limit or not queue.put(frame, redirected=True):
                if cpu.release.has("untransmitted_freed_by_core"):
                    break
                continue
            sent += 1
        if flush:
            queue.kick(cpu)
        return sent

    def queue_of(self, cpu: Processor) -> VethQueue:
        """Where redirected frames from *cpu* go (``veth_select_rxq``)."""
        return self.queues[cpu.number % len(self.queues)]

    def abandon(self) -> None:
        """Lose what waits in the rings."""
        for queue in self.queues:
            queue.abandon()

    @property
    def sent(self) -> list[bytes]:
        """What the peer received: the far end of the cable is where frames are seen."""
        return self._other.received if self._other is not None else []

    @property
    def counters(self) -> Mapping[str, int]:
        """``veth_get_stats64``: either end counts what passed through a ring."""
        self.check_registered()
        peer, own = self._peer, total(self.queues)
        counted = {
            "rx_packets": own.xdp_packets,
            "tx_packets": self.plain_packets,
            "rx_dropped": self.rx_dropped + own.drops + own.xmit_errors,
            "tx_dropped": self.dropped + own.xdp_tx_errors + self.tx_dropped,
        }
        if peer is not None:
            theirs = total(peer.queues)
            counted["rx_packets"] += peer.plain_packets
            counted["tx_packets"] += theirs.xdp_packets
            counted["rx_dropped"] += theirs.xdp_tx_errors
            counted["tx_dropped"] += theirs.xmit_errors
        return counted

    @property
    def statistics(self) -> Mapping[str, int]:
        """``veth_get_ethtool_stats``."""
        self.check_registered()
        peer = self._peer
        return shown(peer.ifindex if peer else 0, self.queues, peer.queues if peer else [])
