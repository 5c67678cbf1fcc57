# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What we use of ``linux/perf_event.h`` and of the perf buffers in ``bpf/libbpf.h``."""

TEXT = """
struct perf_event_attr {
    uint32_t type, size;
    uint64_t config, sample_period, sample_type, read_format;
    uint64_t disabled:1, inherit:1, pinned:1, exclusive:1, exclude_user:1, exclude_kernel:1,
             exclude_hv:1, exclude_idle:1, mmap:1, comm:1, freq:1, inherit_stat:1,
             enable_on_exec:1, task:1, watermark:1, precise_ip:2, mmap_data:1, sample_id_all:1,
             exclude_host:1, exclude_guest:1, exclude_callchain_kernel:1,
             exclude_callchain_user:1, mmap2:1, comm_exec:1, use_clockid:1, other:38;
    uint32_t wakeup_events, bp_type;
    uint64_t config1, config2, branch_sample_type, sample_regs_user;
    uint32_t sample_stack_user;
    int32_t clockid;
};
struct perf_event_header {
    uint32_t type;
    uint16_t misc, size;
};
struct perf_sample {
    struct perf_event_header header;
    uint64_t time;
    uint32_t size;
    char data[];
};

struct perf_buffer;
struct perf_buffer_raw_opts {
    size_t sz;
    int cpu_cnt;
    int *cpus, *map_keys;
};
typedef int (*perf_buffer_event_fn)(void *ctx, int cpu, struct perf_event_header *event);
struct perf_buffer *perf_buffer__new_raw(int map_fd, size_t page_cnt,
                                         struct perf_event_attr *attr,
                                         perf_buffer_event_fn event_cb, void *ctx,
                                         const struct perf_buffer_raw_opts *opts);
size_t perf_buffer__buffer_cnt(const struct perf_buffer *pb);
int perf_buffer__buffer_fd(const struct perf_buffer *pb, size_t buf_idx);
int perf_buffer__consume(struct perf_buffer *pb);
void perf_buffer__free(struct perf_buffer *pb);
"""
