/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bpf() system call's wrappers that pages use, declared as libbpf 1.x declares them. */
#ifndef XDPSPEC_BPF_BPF_H
#define XDPSPEC_BPF_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

/* All of these return 0 or a positive value, or -errno with errno set as well. */
int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int bpf_map_lookup_elem(int fd, const void *key, void *value);
int bpf_map_lookup_elem_flags(int fd, const void *key, void *value, __u64 flags);
int bpf_map_lookup_and_delete_elem(int fd, const void *key, void *value);
int bpf_map_delete_elem(int fd, const void *key);
int bpf_map_get_next_key(int fd, const void *key, void *next_key);
int bpf_map_freeze(int fd);
int bpf_obj_get_info_by_fd(int bpf_fd, void *info, __u32 *info_len);

#endif
