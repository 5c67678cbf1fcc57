# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What we use of ``linux/bpf.h``: the beginnings of structures that grow at their end."""

TEXT = """
struct bpf_map_info {
    uint32_t type, id, key_size, value_size, max_entries, map_flags;
    char name[16];
};
struct bpf_prog_info {
    uint32_t type, id;
    uint8_t tag[8];
    uint32_t jited_prog_len, xlated_prog_len;
    uint64_t jited_prog_insns, xlated_prog_insns, load_time;
    uint32_t created_by_uid, nr_map_ids;
    uint64_t map_ids;
    char name[16];
};
struct xdp_md {
    uint32_t data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};
"""
