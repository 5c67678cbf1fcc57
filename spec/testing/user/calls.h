/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the user-space C of a page finds libbpf. Read by the C compiler and by cffi, so there is
 * nothing here but declarations.
 */
struct xdpspec_calls {
	int (*bpf_map_update_elem)(int fd, const void *key, const void *value,
				   unsigned long long flags);
	int (*bpf_map_lookup_elem)(int fd, const void *key, void *value);
	int (*bpf_map_lookup_elem_flags)(int fd, const void *key, void *value,
					 unsigned long long flags);
	int (*bpf_map_lookup_and_delete_elem)(int fd, const void *key, void *value);
	int (*bpf_map_delete_elem)(int fd, const void *key);
	int (*bpf_map_get_next_key)(int fd, const void *key, void *next_key);
	int (*bpf_map_freeze)(int fd);
	int (*bpf_obj_get_info_by_fd)(int fd, void *info, unsigned int *info_len);

	void *(*bpf_object__open_file)(const char *path, const void *opts);
	int (*bpf_object__load)(void *object);
	void (*bpf_object__close)(void *object);
	void *(*bpf_object__find_map_by_name)(const void *object, const char *name);
	int (*bpf_object__find_map_fd_by_name)(const void *object, const char *name);
	void *(*bpf_object__find_program_by_name)(const void *object, const char *name);
	void *(*bpf_object__next_map)(const void *object, const void *map);
	void *(*bpf_object__next_program)(const void *object, void *program);
	int (*bpf_map__fd)(const void *map);
	const char *(*bpf_map__name)(const void *map);
	int (*bpf_program__fd)(const void *program);
	const char *(*bpf_program__name)(const void *program);
	int (*bpf_program__set_expected_attach_type)(void *program, int type);
	int (*bpf_program__set_flags)(void *program, unsigned int flags);
	unsigned int (*bpf_program__flags)(const void *program);
	int (*bpf_xdp_attach)(int ifindex, int prog_fd, unsigned int flags, const void *opts);
	int (*bpf_xdp_detach)(int ifindex, unsigned int flags, const void *opts);

	unsigned int (*if_nametoindex)(const char *name);
	char *(*if_indextoname)(unsigned int ifindex, char *name);
};

extern struct xdpspec_calls xdpspec_calls;
