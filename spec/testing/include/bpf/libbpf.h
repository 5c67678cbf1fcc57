/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opening, loading and attaching objects, declared as libbpf 1.x declares it. */
#ifndef XDPSPEC_BPF_LIBBPF_H
#define XDPSPEC_BPF_LIBBPF_H

#include <bpf/bpf.h>
#include <linux/bpf.h>

struct bpf_map;
struct bpf_object;
struct bpf_program;
struct bpf_xdp_attach_opts;
struct bpf_object_open_opts;

/* Functions that return a pointer return NULL and set errno when they fail. */
struct bpf_object *bpf_object__open_file(const char *path, const struct bpf_object_open_opts *opts);
int bpf_object__load(struct bpf_object *object);
void bpf_object__close(struct bpf_object *object);
struct bpf_map *bpf_object__find_map_by_name(const struct bpf_object *object, const char *name);
int bpf_object__find_map_fd_by_name(const struct bpf_object *object, const char *name);
struct bpf_program *bpf_object__find_program_by_name(const struct bpf_object *object,
						     const char *name);
struct bpf_map *bpf_object__next_map(const struct bpf_object *object, const struct bpf_map *map);
struct bpf_program *bpf_object__next_program(const struct bpf_object *object,
					     struct bpf_program *program);

#define bpf_object__for_each_map(map, object) \
	for ((map) = bpf_object__next_map((object), NULL); (map) != NULL; \
	     (map) = bpf_object__next_map((object), (map)))
#define bpf_object__for_each_program(program, object) \
	for ((program) = bpf_object__next_program((object), NULL); (program) != NULL; \
	     (program) = bpf_object__next_program((object), (program)))

int bpf_map__fd(const struct bpf_map *map);
const char *bpf_map__name(const struct bpf_map *map);
int bpf_program__fd(const struct bpf_program *program);
const char *bpf_program__name(const struct bpf_program *program);
int bpf_program__set_expected_attach_type(struct bpf_program *program, enum bpf_attach_type type);
int bpf_program__set_flags(struct bpf_program *program, __u32 flags);
__u32 bpf_program__flags(const struct bpf_program *program);

int bpf_xdp_attach(int ifindex, int prog_fd, __u32 flags, const struct bpf_xdp_attach_opts *opts);
int bpf_xdp_detach(int ifindex, __u32 flags, const struct bpf_xdp_attach_opts *opts);

#endif
