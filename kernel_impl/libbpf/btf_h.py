# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What we use of ``bpf/btf.h`` and ``linux/btf.h``."""

TEXT = """
struct btf;
struct btf_type {
    uint32_t name_off, info;
    union { uint32_t size, type; };
};
struct btf_member {
    uint32_t name_off, type, offset;
};

struct btf *btf__load_vmlinux_btf(void);
void btf__free(struct btf *btf);
int32_t btf__find_by_name_kind(const struct btf *btf, const char *type_name, uint32_t kind);
const struct btf_type *btf__type_by_id(const struct btf *btf, uint32_t id);
const char *btf__name_by_offset(const struct btf *btf, uint32_t offset);
int64_t btf__resolve_size(const struct btf *btf, uint32_t type_id);
"""
