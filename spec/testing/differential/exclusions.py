# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the searches of maps and redirection do not compare, and why: the page shows this list."""

from __future__ import annotations

from typing import NamedTuple


class Exclusion(NamedTuple):
    """Something that could be compared, and the reason that it is not."""

    area: str
    what: str
    why: str


EXCLUSIONS = (
    Exclusion(
        "maps",
        "Maps of more than 4096 slots, but for sizes that are refused.",
        "They would only take gigabytes.",
    ),
    Exclusion(
        "maps",
        "The order of the keys of an ordinary HASH, and what an ordinary map takes of memory.",
        "The kernel hashes with a random number of its own; the model does not account for memory "
        "of ordinary maps. The elements are compared.",
    ),
    Exclusion(
        "maps",
        "What a map with a single slot takes of memory.",
        "The size of the kernel's own structure depends on how it was configured. What maps take "
        "beyond that is compared.",
    ),
    Exclusion(
        "maps",
        "Batches, lookup-and-delete and other operations that only ordinary maps have.",
        "The search is about the maps of redirection, where all of these are refused alike.",
    ),
    Exclusion(
        "redirect",
        "The counters rx_pp_… of a veth.",
        "They are its page pool's, which a kernel counts only if it was built to.",
    ),
    Exclusion(
        "redirect",
        "The field sched of xdp_cpumap_kthread.",
        "It says whether the thread slept: who was faster.",
    ),
    Exclusion(
        "redirect",
        "Where a thread of another processor takes part: how it divides frames into rounds, and "
        "what comes before what on the two processors.",
        "A matter of time. Events of the same kind are added up, whatever device the first frame "
        "of a bulk came from, and frames of a device are compared without their order.",
    ),
    Exclusion(
        "redirect",
        "Rings with fewer than 2048 places, if another processor empties or could fill them.",
        "Whether they overflow depends on which processor is faster.",
    ),
    Exclusion(
        "redirect",
        "Before 6.15, entries of another processor whose program does anything but pass.",
        "Of the socket buffers of a round, the first that did not pass was the last that the "
        "program saw, and how many there are in a round is a matter of time.",
    ),
    Exclusion(
        "redirect",
        "Live frames for a thread in more than one batch, or more than 64 of them.",
        "A thread runs between two batches or not, and a page that it has dropped serves the next "
        "frame or not.",
    ),
    Exclusion(
        "redirect",
        "On 5.10, sockets in a map that were never bound.",
        "A frame that generic XDP redirects to one makes that kernel fail: xsk_generic_rcv() "
        "empties the fill ring of a socket that has none.",
    ),
    Exclusion(
        "redirect",
        "The order of frames of several protocols that one device has sent or received.",
        "A packet socket sees them in an order that depends on who else listens. There are such "
        "frames only before 6.3, where copies of live frames begin too early.",
    ),
    Exclusion(
        "redirect",
        "Bytes before a frame that has grown at its front.",
        "They are what the page held before. The programs overwrite them and give every frame the "
        "same protocol, since a packet socket sees frames of several protocols in an order that "
        "depends on who else listens.",
    ),
    Exclusion(
        "redirect",
        "Programs that send every frame back, on both ends of a veth pair or at the loopback "
        "device.",
        "The frames would go round for ever. There, programs do what the frame itself says, and "
        "that comes to an end.",
    ),
    Exclusion(
        "redirect",
        "Programs that know fragments, macvlan, bridges, and veths of several queues.",
        "Not drawn yet: written tests of both engines have them.",
    ),
)
