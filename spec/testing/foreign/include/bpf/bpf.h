/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* More of libbpf's system call wrappers, declared as libbpf 1.x declares them; see libbpf.h. */
#include_next <bpf/bpf.h>
#ifndef XDPSPEC_FOREIGN_BPF_H
#define XDPSPEC_FOREIGN_BPF_H

#include <string.h>

/* Options are a structure whose first member is its size; the rest is zero, or as given. */
#define LIBBPF_OPTS(type, name, ...) \
	struct type name = ({ \
		struct type options; \
		memset(&options, 0, sizeof(options)); \
		options = (struct type){ .sz = sizeof(options), __VA_ARGS__ }; \
		options; \
	})
#define DECLARE_LIBBPF_OPTS LIBBPF_OPTS

struct bpf_map_create_opts {
	size_t sz;
	__u32 btf_fd;
	__u32 btf_key_type_id;
	__u32 btf_value_type_id;
	__u32 btf_vmlinux_value_type_id;
	__u32 inner_map_fd;
	__u32 map_flags;
	__u64 map_extra;
	__u32 numa_node;
	__u32 map_ifindex;
};

struct bpf_map_batch_opts {
	size_t sz;
	__u64 elem_flags;
	__u64 flags;
};

struct bpf_prog_load_opts;
struct bpf_test_run_opts;

int bpf_map_create(enum bpf_map_type type, const char *name, __u32 key_size, __u32 value_size,
		   __u32 max_entries, const struct bpf_map_create_opts *options);
int bpf_map_update_batch(int fd, const void *keys, const void *values, __u32 *count,
			 const struct bpf_map_batch_opts *options);
int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *options);
int bpf_map_delete_batch(int fd, const void *keys, __u32 *count,
			 const struct bpf_map_batch_opts *options);
int bpf_map_get_fd_by_id(__u32 id);
int bpf_obj_pin(int fd, const char *path);
int bpf_obj_get(const char *path);
int bpf_prog_attach(int program_fd, int target_fd, enum bpf_attach_type type, unsigned int flags);
int bpf_prog_detach(int target_fd, enum bpf_attach_type type);
int bpf_prog_detach2(int program_fd, int target_fd, enum bpf_attach_type type);
int bpf_prog_get_fd_by_id(__u32 id);
int bpf_prog_test_run_opts(int program_fd, struct bpf_test_run_opts *options);

#endif
