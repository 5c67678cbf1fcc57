# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What changed in XDP redirection from release to release: one table, asked by name.

A release stands for the newest stable kernel of its line, so ``6.18`` is 6.18.44. A change that
stable maintainers took over into older lines names those lines as its backports.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from spec.errors import InputError

OLDEST, NEWEST, DEFAULT = "5.10", "7.2", "6.18"


class Change(NamedTuple):
    """One change of behaviour: since which release, by which commit, and what it says."""

    name: str
    release: str
    commit: str
    sentence: str
    backports: tuple[str, ...] = ()


CHANGES = (
    Change(
        "redirect_state_names_map",
        "5.13",
        "ee75aef23afe",
        "The redirect state holds the map's id and type, so XDP_REDIRECT without a helper call is "
        "EBADRQC and bpf_redirect() is traced with map id 2147483647.",
    ),
    Change(
        "untransmitted_freed_by_core",
        "5.13",
        "fdc13979f91e",
        "A driver stops at the first frame it cannot take and the core frees it and all later "
        "ones; before, the driver skipped single frames.",
    ),
    Change(
        "veth_napi_by_gro",
        "5.13",
        "d3256efd8e8b",
        "GRO gives a veth a NAPI context even without a program, so that it can be a target.",
    ),
    Change(
        "memory_by_cgroup",
        "5.11",
        "80ee81e0403c",
        "The memory of a map is no longer charged on creation, and /proc shows an estimate: "
        "max_entries times the size of key and value, in whole pages.",
    ),
    Change(
        "percpu_array_batches",
        "5.13",
        "f008d732ab18",
        "A PERCPU_ARRAY is read and written in batches.",
    ),
    Change(
        "lpm_trie_batches",
        "5.13",
        "f56387c534cc",
        "An LPM_TRIE is read, written and cleared in batches.",
    ),
    Change(
        "hash_lookup_and_delete",
        "5.14",
        "3e87f192b405",
        "An element of a hash is looked up and deleted in one call.",
    ),
    Change(
        "broadcast",
        "5.14",
        "e624d4ed4aa8",
        "BPF_F_BROADCAST and BPF_F_EXCLUDE_INGRESS send a frame to every entry of a map.",
    ),
    Change(
        "entry_program_at_flush",
        "5.14",
        "cb261b594b41",
        "The program of a devmap entry runs when the bulk queue is flushed, not on enqueue.",
    ),
    Change(
        "test_run_refuses_entry_programs",
        "5.14",
        "5e21bb4e8125",
        "BPF_PROG_TEST_RUN refuses programs made for devmap and cpumap entries.",
    ),
    Change(
        "generic_cpumap",
        "5.15",
        "11941f8a8536",
        "Generic XDP redirects into a CPUMAP.",
    ),
    Change(
        "generic_entry_program",
        "5.15",
        "2ea5eabaf04a",
        "Generic XDP runs the program of a devmap entry; before, a program using a map that could "
        "hold one was not attached in generic mode.",
    ),
    Change(
        "exclude_upper_devices",
        "5.15",
        "aeea1b86f936",
        "BPF_F_EXCLUDE_INGRESS also leaves out the upper devices of the receiving device.",
    ),
    Change(
        "test_run_ingress",
        "5.15",
        "ec94670fcb3b",
        "BPF_PROG_TEST_RUN takes the receiving device from its context argument.",
    ),
    Change(
        "frags",
        "5.18",
        "f45d5b6ce2e8",
        "Frames may have fragments, and a map that programs share has an owner that fixes whether "
        "they all know fragments.",
    ),
    Change(
        "live_frames",
        "5.18",
        "b530e9e1063e",
        "BPF_PROG_TEST_RUN can carry verdicts out on live frames.",
    ),
    Change(
        "socket_errnos",
        "5.19",
        "c6c1f11b691e",
        "A frame for an unbound AF_XDP socket is ENXIO (2be4a677ccb2), one without a buffer ENOMEM "
        "and one without room in the ring ENOBUFS; before, they were EINVAL, ENOSPC and ENOSPC.",
    ),
    Change(
        "maps_of_maps_batches",
        "5.19",
        "9263dddc7b6f",
        "Maps of maps are read and written in batches.",
    ),
    Change(
        "bound_programs",
        "6.3",
        "2b3486bc2d23",
        "An XDP program can be bound to a device without being offloaded.",
    ),
    Change(
        "live_frames_around_header",
        "6.3",
        "6c20822fada1",
        "Copies of a live frame are like the frame; before, a broadcast sent copies that began and "
        "ended forty bytes too early.",
    ),
    Change(
        "xdp_features",
        "6.3",
        "b9d460c92455",
        "A device announces whether it takes redirected frames; before, having the driver "
        "operation was enough.",
    ),
    Change(
        "frags_redirected",
        "6.3",
        "b9d460c92455",
        "Frames with fragments can be redirected to devices that announce it.",
    ),
    Change(
        "tap_counts_redirects",
        "6.8",
        "f1084c427f55",
        "A tap counts frames that its program redirects or sends back as received, and those "
        "refused as dropped (5744ba05e7c4); before, it counted neither.",
        backports=("6.1", "6.6", "6.7"),
    ),
    Change(
        "long_metadata",
        "6.8",
        "2ebe81c81435",
        "bpf_xdp_adjust_meta() takes up to 252 bytes of metadata; before, up to 32.",
    ),
    Change(
        "memory_by_type",
        "6.4",
        "90a5527d7686",
        "Each type of map says itself what memory it takes, and /proc shows it by the byte.",
    ),
    Change(
        "create_checks_capabilities",
        "6.5",
        "1d28635abcf1",
        "A map's type and access flags are looked at before the capabilities of who creates it.",
    ),
    Change(
        "frags_to_sockets",
        "6.6",
        "804627751b42",
        "Frames with fragments can be redirected to AF_XDP sockets.",
    ),
    Change(
        "veth_shares_pages",
        "6.6",
        "2d0de67da51a",
        "Short packets that a veth copies for its program share a page, so that most of them have "
        "little room to grow; before, each had a page of its own.",
    ),
    Change(
        "generic_frags",
        "6.9",
        "e6d5dbdd20aa",
        "Generic XDP hands fragments to programs that know them instead of joining the frame.",
    ),
    Change(
        "redirect_state_per_round",
        "6.11",
        "401cb7dae813",
        "The redirect state lives on the stack of a softirq round; before, it stayed on the CPU "
        "for ever.",
    ),
    Change(
        "redirect_state_reset",
        "6.11",
        "401cb7dae813",
        "A program finds nothing of what an earlier one on the same CPU asked for; the older lines "
        "got a patch of their own for it in April 2025.",
        backports=("5.15", "6.1", "6.6"),
    ),
    Change(
        "csum_diff_folded",
        "6.13",
        "6a4794d5a3e2",
        "bpf_csum_diff() takes any sizes and folds its result to 16 bits; before, sizes were "
        "multiples of four, together at most 512, and the result had 32 bits.",
    ),
    Change(
        "freeze_takes_writing",
        "6.5",
        "c4c84f6fb2c4",
        "Who may write to a map may freeze it; before, it took CAP_BPF, a map that only reads "
        "could be frozen too, and a second time was EBUSY.",
    ),
    Change(
        "devices_checked_before_capabilities",
        "6.11",
        "fd8db07705c5",
        "Wrong sizes and flags of a DEVMAP or DEVMAP_HASH are EINVAL even to a process that may "
        "not create one.",
    ),
    Change(
        "cpumap_gro",
        "6.15",
        "4f8ab26a034f",
        "The thread of a CPUMAP entry hands frames to the stack through GRO, after its account; "
        "its program sees every socket buffer of a round (57efe762cd3c).",
    ),
    Change(
        "tap_metadata",
        "6.15",
        "c2315ebb0588",
        "A tap lets programs put metadata before a frame.",
    ),
    Change(
        "bound_programs_redirect",
        "6.16",
        "714070c4cb7a",
        "A program that is bound to a device may use maps that hold programs.",
        backports=("6.6", "6.12", "6.15"),
    ),
    Change(
        "map_tracepoints_removed",
        "6.17",
        "a9a5f41b04dd",
        "The tracepoints xdp_redirect_map and xdp_redirect_map_err, silent since 5.6, are gone.",
    ),
    Change(
        "test_run_linear_size",
        "6.18",
        "fe9544ed1a2e",
        "The context argument of BPF_PROG_TEST_RUN may end before the data, which puts the rest "
        "into fragments; before, both had to end together.",
    ),
    Change(
        "prog_array_attach_type",
        "6.18",
        "4540aed51b12",
        "Programs that share a PROG_ARRAY must have the same expected attach type.",
        backports=("6.1", "6.6", "6.12", "6.17"),
    ),
    Change(
        "lookup_flags_after_map",
        "6.19",
        "8f6ddc058760",
        "The flags of a lookup are looked at after the map: a descriptor of nothing is EBADF, and "
        "one that only writes EPERM, whatever the flags.",
    ),
    Change(
        "excluded_devices_bounded",
        "7.0",
        "b7bf516c3ecd",
        "BPF_F_EXCLUDE_INGRESS on a device with more than eight upper devices is EOVERFLOW.",
        backports=("5.15", "6.1", "6.6", "6.12", "6.18", "6.19"),
    ),
    Change(
        "clone_refuses_frags",
        "7.2",
        "aa496720618f",
        "A broadcast that would have to clone a frame with fragments is EOPNOTSUPP (since "
        "6.18.39 in its line).",
        backports=("5.15", "6.1", "6.6", "6.12", "6.18", "7.1"),
    ),
    Change(
        "generic_copies_private",
        "7.1",
        "",
        "Copies of a generic broadcast have their own data, so that what one entry's program "
        "writes the others do not send (seen on 6.18.44, not yet in 6.18.35).",
        backports=("6.18",),
    ),
    Change(
        "cpumap_update_errno",
        "7.0",
        "48e11bad9a1f",
        "A CPUMAP update that fails on its program says why instead of ENOMEM.",
    ),
)

_BY_NAME = {change.name: change for change in CHANGES}


class Release:
    """A kernel release as ``major.minor``, which knows the changes that it has."""

    __slots__ = ("has", "text")

    def __init__(self, text: str = DEFAULT) -> None:
        if not re.fullmatch(r"\d+\.\d+", text):
            raise InputError(f"release {text!r}", "not of the form 6.18", "give major.minor")
        wanted = number(text)
        if not number(OLDEST) <= wanted <= number(NEWEST):
            raise InputError(
                f"release {text}", "not modelled", f"give one from {OLDEST} to {NEWEST}"
            )
        self.text = text
        self.has: Callable[[str], bool] = {
            change.name: number(change.release) <= wanted or text in change.backports
            for change in CHANGES
        }.__getitem__
        """Whether the change called *name* is in this release."""

    def __str__(self) -> str:
        return self.text


def change(name: str) -> Change:
    """The change called *name*, for who wants to cite its commit."""
    return _BY_NAME[name]


def number(text: str) -> tuple[int, ...]:
    """*text* such as ``6.18`` as numbers that can be compared."""
    return tuple(int(part) for part in text.split("."))
