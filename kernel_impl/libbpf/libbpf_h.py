# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What we use of ``bpf/libbpf.h``."""

TEXT = """
struct bpf_object;
struct bpf_program;
struct bpf_map;

typedef int (*libbpf_print_fn_t)(int level, const char *format, void *arguments);
libbpf_print_fn_t libbpf_set_print(libbpf_print_fn_t fn);
int libbpf_num_possible_cpus(void);
uint32_t libbpf_major_version(void);
uint32_t libbpf_minor_version(void);

struct bpf_object *bpf_object__open_file(const char *path, const void *opts);
int bpf_object__load(struct bpf_object *obj);
void bpf_object__close(struct bpf_object *obj);
struct bpf_program *bpf_object__next_program(const struct bpf_object *obj,
                                             struct bpf_program *prog);
struct bpf_map *bpf_object__next_map(const struct bpf_object *obj, const struct bpf_map *map);
const char *bpf_program__name(const struct bpf_program *prog);
int bpf_program__fd(const struct bpf_program *prog);
int bpf_program__type(const struct bpf_program *prog);
const char *bpf_program__section_name(const struct bpf_program *prog);
bool bpf_program__autoload(const struct bpf_program *prog);
int bpf_program__set_autoload(struct bpf_program *prog, bool autoload);
uint32_t bpf_program__flags(const struct bpf_program *prog);
int bpf_program__set_flags(struct bpf_program *prog, uint32_t flags);
void bpf_program__set_ifindex(struct bpf_program *prog, uint32_t ifindex);
int bpf_program__set_log_buf(struct bpf_program *prog, char *log_buf, size_t log_size);
const char *bpf_map__name(const struct bpf_map *map);
int bpf_map__set_pin_path(struct bpf_map *map, const char *path);
int bpf_map__fd(const struct bpf_map *map);
"""
