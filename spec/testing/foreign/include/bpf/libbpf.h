/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * More of libbpf 1.x for code that is compiled and never run; used where libbpf's own headers are
 * not installed.
 */
#include_next <bpf/libbpf.h>
#ifndef XDPSPEC_FOREIGN_LIBBPF_H
#define XDPSPEC_FOREIGN_LIBBPF_H

#include <stdarg.h>

struct bpf_link;
struct ring_buffer;
struct ring_buffer_opts;
struct perf_buffer;
struct perf_buffer_opts;
struct btf;

enum libbpf_print_level { LIBBPF_WARN, LIBBPF_INFO, LIBBPF_DEBUG };
typedef int (*libbpf_print_fn_t)(enum libbpf_print_level level, const char *format, va_list values);
typedef int (*ring_buffer_sample_fn)(void *context, void *data, size_t size);
typedef void (*perf_buffer_sample_fn)(void *context, int cpu, void *data, __u32 size);
typedef void (*perf_buffer_lost_fn)(void *context, int cpu, __u64 count);

int libbpf_num_possible_cpus(void);
int libbpf_strerror(int error, char *text, size_t size);
long libbpf_get_error(const void *pointer);
libbpf_print_fn_t libbpf_set_print(libbpf_print_fn_t function);

struct bpf_object *bpf_object__open(const char *path);
int bpf_object__pin_maps(struct bpf_object *object, const char *path);
const char *bpf_object__name(const struct bpf_object *object);

int bpf_map__set_max_entries(struct bpf_map *map, __u32 entries);
__u32 bpf_map__max_entries(const struct bpf_map *map);
int bpf_map__set_type(struct bpf_map *map, enum bpf_map_type type);
enum bpf_map_type bpf_map__type(const struct bpf_map *map);
int bpf_map__set_key_size(struct bpf_map *map, __u32 size);
int bpf_map__set_value_size(struct bpf_map *map, __u32 size);
__u32 bpf_map__key_size(const struct bpf_map *map);
__u32 bpf_map__value_size(const struct bpf_map *map);
int bpf_map__set_inner_map_fd(struct bpf_map *map, int fd);
int bpf_map__set_map_extra(struct bpf_map *map, __u64 extra);
int bpf_map__reuse_fd(struct bpf_map *map, int fd);
int bpf_map__pin(struct bpf_map *map, const char *path);
int bpf_map__update_elem(const struct bpf_map *map, const void *key, size_t key_size,
			 const void *value, size_t value_size, __u64 flags);
int bpf_map__lookup_elem(const struct bpf_map *map, const void *key, size_t key_size, void *value,
			 size_t value_size, __u64 flags);
int bpf_map__delete_elem(const struct bpf_map *map, const void *key, size_t key_size, __u64 flags);

struct bpf_link *bpf_program__attach(const struct bpf_program *program);
struct bpf_link *bpf_program__attach_xdp(const struct bpf_program *program, int ifindex);
struct bpf_link *bpf_program__attach_cgroup(const struct bpf_program *program, int cgroup_fd);
int bpf_program__set_type(struct bpf_program *program, enum bpf_prog_type type);
int bpf_program__set_ifindex(struct bpf_program *program, __u32 ifindex);
int bpf_link__destroy(struct bpf_link *link);
int bpf_link__fd(const struct bpf_link *link);
int bpf_link__pin(struct bpf_link *link, const char *path);

struct ring_buffer *ring_buffer__new(int map_fd, ring_buffer_sample_fn sample, void *context,
				     const struct ring_buffer_opts *options);
int ring_buffer__poll(struct ring_buffer *ring, int timeout_ms);
int ring_buffer__consume(struct ring_buffer *ring);
void ring_buffer__free(struct ring_buffer *ring);
struct perf_buffer *perf_buffer__new(int map_fd, size_t pages, perf_buffer_sample_fn sample,
				     perf_buffer_lost_fn lost, void *context,
				     const struct perf_buffer_opts *options);
int perf_buffer__poll(struct perf_buffer *buffer, int timeout_ms);
void perf_buffer__free(struct perf_buffer *buffer);

#endif
