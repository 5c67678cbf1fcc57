# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The model's redirection, broken on purpose."""

from __future__ import annotations

import errno
from typing import Any

from spec.devices.tap import Tap
from spec.redirect import broadcast, bulk, entry_program, native
from spec.redirect.helpers import RedirectState
from spec.redirect.processor import Processor
from spec.testing.differential.mutation import Mutation, replaced
from spec.trace import DevmapXmit


def _down_does_not_matter(_: Any) -> Any:
    def forwarding_error(device: Any, length: int) -> int:
        return -errno.EMSGSIZE if length > device.frame_limit else 0

    return forwarding_error


def _four_bytes_short(_: Any) -> Any:
    def forwarding_error(device: Any, length: int) -> int:
        if not device.is_up:
            return -errno.ENETDOWN
        return -errno.EMSGSIZE if length > device.frame_limit - 4 else 0

    return forwarding_error


def _first_begun_first(right: Any) -> Any:
    def flush(cpu: Processor) -> None:
        cpu.flush_list.reverse()
        right(cpu)

    return flush


def _ingress_not_excluded(_: Any) -> Any:
    return lambda cpu, ingress: frozenset()  # noqa: ARG005


def _forgotten_target(right: Any) -> Any:
    def consume(self: RedirectState) -> None:
        right(self)
        self.tgt_index = 0

    return consume


def _drops_told_as_sent(right: Any) -> Any:
    def transmit(cpu: Any, queue: Any, flush: bool) -> None:
        right(cpu, queue, flush)
        for at, record in enumerate(cpu.trace):
            if record[0] is DevmapXmit and record[4]:
                *before, drops, sent, err = record
                cpu.trace[at] = (*before, sent, drops, err)

    return transmit


def _program_sees_half(right: Any) -> Any:
    def surviving(cpu: Any, program: Any, frames: Any, *rest: Any) -> Any:
        return [*right(cpu, program, frames[:1], *rest), *frames[1:]]

    return surviving


def _counters_stand_still(right: Any) -> Any:
    def transmit(self: Tap, *arguments: Any) -> int:
        before = self.tx_packets
        sent = right(self, *arguments)
        self.tx_packets = before
        return int(sent)

    return transmit


def _program_runs_at_once(right: Any) -> Any:
    def push(cpu: Any, device: Any, frame: Any, ingress: Any, program: Any) -> None:
        if program is None or entry_program.passes(cpu, program, frame, device, ingress):
            right(cpu, device, frame, ingress, None)

    return push


MUTATIONS = (
    Mutation(
        "bulk size",
        "A bulk queue has room for 17 frames.",
        replaced(bulk, "BULK_SIZE", lambda size: size + 1),
    ),
    Mutation(
        "order of the flush",
        "The bulk queue begun first is flushed first.",
        replaced(Processor, "flush", _first_begun_first),
    ),
    Mutation(
        "excluded ingress",
        "BPF_F_EXCLUDE_INGRESS excludes nobody.",
        replaced(broadcast, "excluded_ifindexes", _ingress_not_excluded),
    ),
    Mutation(
        "stale state",
        "The key is forgotten before the event is told.",
        replaced(RedirectState, "consume", _forgotten_target),
    ),
    Mutation(
        "field of an event",
        "xdp_devmap_xmit has sent and drops the wrong way round.",
        replaced(bulk, "transmit", _drops_told_as_sent),
    ),
    Mutation(
        "device that is down",
        "A device that is down takes frames.",
        replaced(bulk, "forwarding_error", _down_does_not_matter),
    ),
    Mutation(
        "longest frame",
        "A frame may be 14, not 18 bytes longer than the MTU.",
        replaced(bulk, "forwarding_error", _four_bytes_short),
    ),
    Mutation(
        "program of an entry",
        "It sees only the first frame of a bulk.",
        replaced(entry_program, "surviving", _program_sees_half),
    ),
    Mutation(
        "time of an entry's program",
        "It runs when a frame is queued, not at the flush.",
        replaced(bulk, "push", _program_runs_at_once),
    ),
    Mutation(
        "counters",
        "tx_packets of a tap stands still.",
        replaced(Tap, "xdp_transmit", _counters_stand_still),
    ),
    Mutation(
        "no call",
        "XDP_REDIRECT without a call is EINVAL, not EBADRQC.",
        replaced(native, "EBADRQC", lambda _: errno.EINVAL),
    ),
)
