# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The straight way from tap to tap: what happens to most frames, in one function.

It says nothing that ``Tap.inject()`` and what that calls do not say in plain words; it stands
apart because it costs a quarter, and ``tests/test_straight.py`` compares the two. What can't
change while the program is attached is looked up once, a frame that has its bulk queue to itself
is not queued, and a packet that the program can't look at stays the bytes that it came as.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from spec.frame import Frame
from spec.redirect.native import SIGN
from spec.trace import DevmapXmit, Redirect
from spec.uapi import BPF_F_BROADCAST, MapType, Verdict

if TYPE_CHECKING:
    from spec.devices.tap import Tap
    from spec.program import ModelProgram
    from spec.redirect.processor import Processor


def has_straight_way(program: ModelProgram) -> bool:
    """Whether its release forgets what the program asked for last, before the next frame."""
    return program.release.has("redirect_state_per_round")


def straight_way(tap: Tap, program: ModelProgram) -> Callable[[Processor, bytes], None]:
    """What takes the place of ``tap.inject()`` while *program* is attached.

    A frame goes straight if it has an ordinary length and a map of devices leads it, through an
    entry without a program, to a tap that can take it. Otherwise *tap* goes on in its own way.
    """
    shortest, longest = tap.shortest, tap.longest
    run, prog_id, ifindex = program.executable.run, program.id, tap.ifindex
    context, blind = tap.context, program.executable.is_blind
    seen, trace = tap.lab.seen, tap.lab.trace
    redirected, devmap = int(Verdict.XDP_REDIRECT), MapType.BPF_MAP_TYPE_DEVMAP
    devmap_hash, broadcast = MapType.BPF_MAP_TYPE_DEVMAP_HASH, BPF_F_BROADCAST
    record, xmit_record = Redirect, DevmapXmit

    def arrive(cpu: Processor, data: bytes) -> None:
        if not shortest <= len(data) <= longest:
            tap.inject(cpu, data)
            return
        packet: bytes | Frame = data
        if not blind:
            packet = context.frame = tap.built(data)
        cpu.map = cpu.nothing
        cpu.tgt_index = 0
        act = run(context, cpu)
        map = cpu.map
        if (
            act == redirected
            and (map.type is devmap or map.type is devmap_hash)
            and not cpu.flags & broadcast
        ):
            entry = cpu.tgt_value
            # What is no tap has a limit of 0, so that nothing else of it is looked at.
            egress: Tap = entry.device
            sent = egress._sent
            if (
                len(packet) <= egress.straight_limit
                and entry.program is None
                and not cpu.flush_list
                and len(sent) < sent.room
            ):
                to, index = egress.ifindex, (cpu.tgt_index ^ SIGN) - SIGN
                trace.append((record, prog_id, act, ifindex, 0, to, map.id, index))
                if not sent:
                    seen.append(sent)
                sent.append(packet)
                trace.append((xmit_record, ifindex, act, to, 0, 1, 0))
                egress.tx_packets += 1
                tap.rx_packets += 1
                return
        frame = packet if isinstance(packet, Frame) else tap.built(data)
        tap.follow(cpu, frame, program, act)
        cpu.run_softirqs()

    return arrive
