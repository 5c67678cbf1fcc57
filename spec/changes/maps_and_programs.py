# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Changes to maps and their elements, and to how programs are loaded and tested."""

from __future__ import annotations

from spec.changes.change import Change

CHANGES = (
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
        "test_run_refuses_entry_programs",
        "5.14",
        "5e21bb4e8125",
        "BPF_PROG_TEST_RUN refuses programs made for devmap and cpumap entries.",
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
        "Copies of a live frame are like the frame, which has up to 3408 bytes; before, it had up "
        "to 3368, and a broadcast sent copies that began and ended forty bytes too early.",
    ),
    Change(
        "live_frames_begin_anew",
        "6.4",
        "e5995bc7e2ba",
        "A live frame in a used page begins and ends as at first; before, it left as the last "
        "entry's program had made it, unless the program under test moved the packet.",
    ),
    Change(
        "map_operations_return_long",
        "6.4",
        "d7ba4cc900bf",
        "What bpf_map_update_elem() and bpf_map_delete_elem() answer to a program has 64 bits; "
        "before, the upper half of an errno was zero.",
        backports=("6.3",),
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
        "cpumap_update_errno",
        "7.0",
        "48e11bad9a1f",
        "A CPUMAP update that fails on its program says why instead of ENOMEM.",
    ),
    Change(
        "driver_before_program",
        "7.2",
        "",
        "A device without native XDP refuses any native program for that reason; before, another "
        "reason came first: a program in generic mode, or one made for entries (seen on 7.2.13 and "
        "on what Debian ships as 6.1.0-56 and 6.12.118, not on 6.18.44 and 5.10.0-46).",
        backports=("6.1", "6.6", "6.12"),
    ),
)
