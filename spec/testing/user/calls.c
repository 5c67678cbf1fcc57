/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The libbpf that a page's code is linked to: each call goes wherever the table says. */
#include "calls.h"

struct xdpspec_calls xdpspec_calls;

/* Hidden, so that a libbpf which is loaded as well can never take these names' place. */
#pragma GCC visibility push(hidden)

int bpf_map_update_elem(int fd, const void *key, const void *value, unsigned long long flags)
{
	return xdpspec_calls.bpf_map_update_elem(fd, key, value, flags);
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	return xdpspec_calls.bpf_map_lookup_elem(fd, key, value);
}

int bpf_map_lookup_elem_flags(int fd, const void *key, void *value, unsigned long long flags)
{
	return xdpspec_calls.bpf_map_lookup_elem_flags(fd, key, value, flags);
}

int bpf_map_lookup_and_delete_elem(int fd, const void *key, void *value)
{
	return xdpspec_calls.bpf_map_lookup_and_delete_elem(fd, key, value);
}

int bpf_map_delete_elem(int fd, const void *key)
{
	return xdpspec_calls.bpf_map_delete_elem(fd, key);
}

int bpf_map_get_next_key(int fd, const void *key, void *next_key)
{
	return xdpspec_calls.bpf_map_get_next_key(fd, key, next_key);
}

int bpf_map_freeze(int fd)
{
	return xdpspec_calls.bpf_map_freeze(fd);
}

int bpf_obj_get_info_by_fd(int fd, void *info, unsigned int *info_len)
{
	return xdpspec_calls.bpf_obj_get_info_by_fd(fd, info, info_len);
}

void *bpf_object__open_file(const char *path, const void *opts)
{
	return xdpspec_calls.bpf_object__open_file(path, opts);
}

int bpf_object__load(void *object)
{
	return xdpspec_calls.bpf_object__load(object);
}

void bpf_object__close(void *object)
{
	xdpspec_calls.bpf_object__close(object);
}

void *bpf_object__find_map_by_name(const void *object, const char *name)
{
	return xdpspec_calls.bpf_object__find_map_by_name(object, name);
}

int bpf_object__find_map_fd_by_name(const void *object, const char *name)
{
	return xdpspec_calls.bpf_object__find_map_fd_by_name(object, name);
}

void *bpf_object__find_program_by_name(const void *object, const char *name)
{
	return xdpspec_calls.bpf_object__find_program_by_name(object, name);
}

void *bpf_object__next_map(const void *object, const void *map)
{
	return xdpspec_calls.bpf_object__next_map(object, map);
}

void *bpf_object__next_program(const void *object, void *program)
{
	return xdpspec_calls.bpf_object__next_program(object, program);
}

int bpf_map__fd(const void *map)
{
	return xdpspec_calls.bpf_map__fd(map);
}

const char *bpf_map__name(const void *map)
{
	return xdpspec_calls.bpf_map__name(map);
}

int bpf_program__fd(const void *program)
{
	return xdpspec_calls.bpf_program__fd(program);
}

const char *bpf_program__name(const void *program)
{
	return xdpspec_calls.bpf_program__name(program);
}

int bpf_program__set_expected_attach_type(void *program, int type)
{
	return xdpspec_calls.bpf_program__set_expected_attach_type(program, type);
}

int bpf_program__set_flags(void *program, unsigned int flags)
{
	return xdpspec_calls.bpf_program__set_flags(program, flags);
}

unsigned int bpf_program__flags(const void *program)
{
	return xdpspec_calls.bpf_program__flags(program);
}

int bpf_xdp_attach(int ifindex, int prog_fd, unsigned int flags, const void *opts)
{
	return xdpspec_calls.bpf_xdp_attach(ifindex, prog_fd, flags, opts);
}

int bpf_xdp_detach(int ifindex, unsigned int flags, const void *opts)
{
	return xdpspec_calls.bpf_xdp_detach(ifindex, flags, opts);
}

unsigned int if_nametoindex(const char *name)
{
	return xdpspec_calls.if_nametoindex(name);
}

char *if_indextoname(unsigned int ifindex, char *name)
{
	return xdpspec_calls.if_indextoname(ifindex, name);
}

#pragma GCC visibility pop
