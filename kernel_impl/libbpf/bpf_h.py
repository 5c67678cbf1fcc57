# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What we use of ``bpf/bpf.h``."""

TEXT = """
struct bpf_map_create_opts {
    size_t sz;
    uint32_t btf_fd, btf_key_type_id, btf_value_type_id, btf_vmlinux_value_type_id;
    uint32_t inner_map_fd;
    uint32_t map_flags;
    uint64_t map_extra;
    uint32_t numa_node, map_ifindex;
};
struct bpf_map_batch_opts {
    size_t sz;
    uint64_t elem_flags, flags;
};
struct bpf_test_run_opts {
    size_t sz;
    const void *data_in;
    void *data_out;
    uint32_t data_size_in, data_size_out;
    const void *ctx_in;
    void *ctx_out;
    uint32_t ctx_size_in, ctx_size_out;
    uint32_t retval;
    int repeat;
    uint32_t duration, flags, cpu, batch_size;
};

int bpf_map_create(int type, const char *name, uint32_t key_size, uint32_t value_size,
                   uint32_t max_entries, const struct bpf_map_create_opts *opts);
int bpf_btf_load(const void *data, size_t size, void *opts);
int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags);
int bpf_map_lookup_elem(int fd, const void *key, void *value);
int bpf_map_delete_elem(int fd, const void *key);
int bpf_map_get_next_key(int fd, const void *key, void *next_key);
int bpf_map_lookup_elem_flags(int fd, const void *key, void *value, uint64_t flags);
int bpf_map_lookup_and_delete_elem(int fd, const void *key, void *value);
int bpf_map_update_batch(int fd, const void *keys, const void *values, uint32_t *count,
                         const struct bpf_map_batch_opts *opts);
int bpf_map_lookup_batch(int fd, void *in_batch, void *out_batch, void *keys, void *values,
                         uint32_t *count, const struct bpf_map_batch_opts *opts);
int bpf_map_delete_batch(int fd, const void *keys, uint32_t *count,
                         const struct bpf_map_batch_opts *opts);
int bpf_map_freeze(int fd);
int bpf_map_get_next_id(uint32_t start_id, uint32_t *next_id);
int bpf_map_get_fd_by_id(uint32_t id);
int bpf_prog_get_next_id(uint32_t start_id, uint32_t *next_id);
int bpf_prog_get_fd_by_id(uint32_t id);
int bpf_link_get_next_id(uint32_t start_id, uint32_t *next_id);
int bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *info_len);
int bpf_prog_load(int type, const char *name, const char *license, const void *insns,
                  size_t insn_cnt, void *opts);
int bpf_prog_test_run_opts(int fd, struct bpf_test_run_opts *opts);
"""
