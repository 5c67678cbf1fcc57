# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Changes to what becomes of frames: helpers, redirection, devices, threads of CPUs."""

from __future__ import annotations

from spec.changes.change import Change

CHANGES = (
    Change(
        "veth_passes_in_bulks",
        "5.12",
        "65e6dcf73398",
        "A veth hands redirected frames that pass to the stack sixteen at a time, so that packets "
        "of the stack may overtake them.",
    ),
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
        "generic_counts_losses",
        "5.19",
        "1fd6e5675336",
        "A packet that generic XDP sends and the driver does not take counts as dropped by the "
        "device; before, nothing counted it.",
        backports=("5.18",),
    ),
    Change(
        "socket_errnos",
        "5.19",
        "c6c1f11b691e",
        "A frame for an unbound AF_XDP socket is ENXIO (2be4a677ccb2), one without a buffer ENOMEM "
        "and one without room in the ring ENOBUFS; before, they were EINVAL, ENOSPC and ENOSPC.",
    ),
    Change(
        "large_buffers_have_tails",
        "6.5",
        "d14eea09edf4",
        "bpf_xdp_adjust_tail() takes packets in a buffer larger than a page, as generic XDP has "
        "them; before, it refused to make them shorter or longer.",
        backports=("5.15", "6.1", "6.4"),
    ),
    Change(
        "veth_flushes_first",
        "6.2",
        "fa349e396e48",
        "A veth flushes what it has redirected before its poll is complete, and so before it is "
        "scheduled again; before, after that.",
        backports=("5.10", "5.15", "6.0", "6.1"),
    ),
    Change(
        "small_heads",
        "6.3",
        "bf9f1baa279f",
        "Small packets of the stack come from a cache of their own, with as much room as suits the "
        "links that the kernel was built with; before, buffers were powers of two.",
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
        "buffers_return_pages",
        "6.4",
        "9c94bbf9a87b",
        "The page of a live frame that has become a socket buffer serves another frame once it is "
        "dropped; before, it was freed.",
    ),
    Change(
        "rounds_go_on",
        "6.4",
        "8b43fd3d1d7d",
        "Devices that frames reach during a round of polls are polled in the same round, if nobody "
        "else has more to do; before, in a round of their own.",
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
        backports=("5.10", "5.15", "6.1", "6.6"),
    ),
    Change(
        "cpumap_account_first",
        "6.12",
        "23dc9867329c",
        "xdp_cpumap_kthread gives account of a round before the stack gets the frames that passed; "
        "before, what generic programs did with them was told first.",
    ),
    Change(
        "cpumap_gro",
        "6.15",
        "4f8ab26a034f",
        "The thread of a CPUMAP entry hands frames to the stack through GRO, and softirqs that its "
        "program's redirects raise wait until then; the program sees every socket buffer of a "
        "round (57efe762cd3c).",
    ),
    Change(
        "tap_metadata",
        "6.15",
        "c2315ebb0588",
        "A tap lets programs put metadata before a frame.",
    ),
    Change(
        "veth_sends_first",
        "6.18",
        "a14602fcae17",
        "A veth sends back frames of XDP_TX, and wakes its peer, before its poll is complete; "
        "before, a frame left in its own ring came first.",
        backports=("6.12", "6.17"),
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
        "veth_open_refreshes_peer",
        "7.2",
        "",
        "A veth that is brought up also brings its peer's features up to date, which depend on its "
        "GRO; before, GRO that was set while it was down made no target of the peer (seen on "
        "7.2.13 and on what Debian ships as 6.12.118, not on 6.18.44).",
        backports=("6.12",),
    ),
    Change(
        "cpumap_tells_of_exceptions",
        "7.2",
        "",
        "A frame that the program of a CPUMAP entry neither passes, drops nor redirects raises "
        "xdp_exception, too; before, only a socket buffer did (seen on 7.2.13, not on 6.18.44).",
    ),
    Change(
        "generic_copies_private",
        "7.1",
        "",
        "Packets of a generic broadcast share their data until the program of an entry is to run "
        "on one; before, what it wrote the others sent, too (seen on 6.18.44, not yet in 6.18.35, "
        "and on what Debian ships as 6.1.0-56 and 6.12.118).",
        backports=("6.1", "6.6", "6.12", "6.18"),
    ),
)
