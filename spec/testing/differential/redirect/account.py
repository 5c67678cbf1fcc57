# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a step's frames came to, in a form that does not depend on who was faster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from spec.testing.differential.side import Answer, Side
from spec.trace import BulkTx, CpumapEnqueue, CpumapKthread, DevmapXmit, Event

COUNTED: dict[type[Event], tuple[str, ...]] = {
    DevmapXmit: ("drops", "sent"),
    BulkTx: ("drops", "sent"),
    CpumapEnqueue: ("drops", "processed"),
    CpumapKthread: ("drops", "processed", "xdp_pass", "xdp_drop", "xdp_redirect"),
}
"""Fields that add up over the rounds into which a thread divides its frames."""
OF_THE_FIRST = "from_ifindex"
"""Tells where the first frame of a bulk came from: which one that is depends on the rounds, too."""


PROTOCOL = slice(12, 14)


def account(side: Side, events: Sequence[Event]) -> Answer:
    """The events, and what every device and socket has sent and received in this step.

    Where a thread on another processor took part, how it divided its frames into rounds, and what
    came before what on the two processors, is a matter of time: there, events of the same kind
    are added up, and frames are compared without their order. So are those of several protocols,
    which a packet socket sees in an order that depends on who else listens.
    """
    elsewhere = any(type(event) is CpumapKthread and event.cpu != side.cpu for event in events)
    told = _added_up(side, events) if elsewhere else [side.event(event) for event in events]
    frames: dict[str, Any] = {}
    for name, device in side.devices.items():
        if name in side.removed:
            continue
        for direction, found in (("sent", device.sent), ("received", device.received)):
            if found:
                mixed = elsewhere or len({frame[PROTOCOL] for frame in found}) > 1
                frames[f"{name}.{direction}"] = sorted(found) if mixed else found
    for name, socket in side.sockets.items():
        if name not in side.closed and (found := socket.received):
            frames[f"{name}.received"] = found
    return [*told, frames]


def _added_up(side: Side, events: Sequence[Event]) -> list[Any]:
    sums: dict[Any, Counter[str]] = {}
    times: Counter[Any] = Counter()
    for event in events:
        counted = COUNTED.get(type(event), ())
        fields = (field for field in event.fields if field != "sched")
        pairs = zip(fields, side.event(event)[1:], strict=True)
        kept = tuple(pair for pair in pairs if pair[0] not in (*counted, OF_THE_FIRST))
        key = (event.name, *kept)
        if counted:
            sums.setdefault(key, Counter()).update({n: getattr(event, n) for n in counted})
        else:
            times[key] += 1
    added = [(key, dict(sum)) for key, sum in sums.items()]
    return sorted([*added, *times.items()], key=repr)
