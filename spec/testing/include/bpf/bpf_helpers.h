/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an XDP program needs to be written: the names are libbpf's, so that the program also
 * compiles with libbpf's own header, to the same instructions.
 */
#ifndef XDPSPEC_BPF_HELPERS_H
#define XDPSPEC_BPF_HELPERS_H

#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))

/* A map is described by the types of the members of an otherwise unused structure. */
#define __uint(name, number) int (*name)[number]
#define __type(name, type) __typeof__(type) *name
#define __array(name, type) __typeof__(type) *name[]
#define __ulong(name, number) enum { XDPSPEC_JOIN(__unique_value, __COUNTER__) = number } name
#define XDPSPEC_JOIN(a, b) XDPSPEC_PASTE(a, b)
#define XDPSPEC_PASTE(a, b) a##b

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#define __hidden __attribute__((visibility("hidden")))
#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))
#ifndef barrier
#define barrier() __asm__ volatile("" : : : "memory")
#endif
#ifndef barrier_var
#define barrier_var(variable) __asm__ volatile("" : "+r"(variable))
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif

enum libbpf_pin_type { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };

/* A helper is called through a constant pointer whose value is the helper's number. */
#define XDPSPEC_HELPER(result, name, ...) \
	static result (*const bpf_##name)(__VA_ARGS__) __attribute__((unused)) = \
		(result(*)(__VA_ARGS__))BPF_FUNC_##name

struct bpf_dynptr;
struct bpf_fib_lookup;
struct bpf_sock;
struct bpf_sock_tuple;
struct bpf_spin_lock;
struct bpf_timer;

/* maps */
XDPSPEC_HELPER(void *, map_lookup_elem, void *map, const void *key);
XDPSPEC_HELPER(long, map_update_elem, void *map, const void *key, const void *value, __u64 flags);
XDPSPEC_HELPER(long, map_delete_elem, void *map, const void *key);
XDPSPEC_HELPER(void *, map_lookup_percpu_elem, void *map, const void *key, __u32 cpu);
XDPSPEC_HELPER(long, map_push_elem, void *map, const void *value, __u64 flags);
XDPSPEC_HELPER(long, map_pop_elem, void *map, void *value);
XDPSPEC_HELPER(long, map_peek_elem, void *map, void *value);
XDPSPEC_HELPER(long, for_each_map_elem, void *map, void *callback, void *context, __u64 flags);
XDPSPEC_HELPER(long, spin_lock, struct bpf_spin_lock *lock);
XDPSPEC_HELPER(long, spin_unlock, struct bpf_spin_lock *lock);
XDPSPEC_HELPER(long, tail_call, void *context, void *prog_array_map, __u32 index);

/* redirection */
XDPSPEC_HELPER(long, redirect, __u32 ifindex, __u64 flags);
XDPSPEC_HELPER(long, redirect_map, void *map, __u64 key, __u64 flags);
XDPSPEC_HELPER(long, fib_lookup, void *context, struct bpf_fib_lookup *params, int length,
	       __u32 flags);
XDPSPEC_HELPER(long, check_mtu, void *context, __u32 ifindex, __u32 *mtu_len, __s32 len_diff,
	       __u64 flags);

/* the frame */
XDPSPEC_HELPER(long, xdp_adjust_head, struct xdp_md *context, int delta);
XDPSPEC_HELPER(long, xdp_adjust_meta, struct xdp_md *context, int delta);
XDPSPEC_HELPER(long, xdp_adjust_tail, struct xdp_md *context, int delta);
XDPSPEC_HELPER(__u64, xdp_get_buff_len, struct xdp_md *context);
XDPSPEC_HELPER(long, xdp_load_bytes, struct xdp_md *context, __u32 offset, void *to, __u32 length);
XDPSPEC_HELPER(long, xdp_store_bytes, struct xdp_md *context, __u32 offset, void *from,
	       __u32 length);
XDPSPEC_HELPER(__s64, csum_diff, __be32 *from, __u32 from_size, __be32 *to, __u32 to_size,
	       __wsum seed);

/* events for user space */
XDPSPEC_HELPER(long, perf_event_output, void *context, void *map, __u64 flags, void *data,
	       __u64 size);
XDPSPEC_HELPER(long, ringbuf_output, void *ringbuf, void *data, __u64 size, __u64 flags);
XDPSPEC_HELPER(void *, ringbuf_reserve, void *ringbuf, __u64 size, __u64 flags);
XDPSPEC_HELPER(void, ringbuf_submit, void *data, __u64 flags);
XDPSPEC_HELPER(void, ringbuf_discard, void *data, __u64 flags);
XDPSPEC_HELPER(__u64, ringbuf_query, void *ringbuf, __u64 flags);

/* sockets */
XDPSPEC_HELPER(struct bpf_sock *, sk_lookup_tcp, void *context, struct bpf_sock_tuple *tuple,
	       __u32 tuple_size, __u64 netns, __u64 flags);
XDPSPEC_HELPER(struct bpf_sock *, sk_lookup_udp, void *context, struct bpf_sock_tuple *tuple,
	       __u32 tuple_size, __u64 netns, __u64 flags);
XDPSPEC_HELPER(long, sk_release, void *sock);

/* time, place, chance, text */
XDPSPEC_HELPER(__u64, ktime_get_ns, void);
XDPSPEC_HELPER(__u64, ktime_get_boot_ns, void);
XDPSPEC_HELPER(__u64, ktime_get_coarse_ns, void);
XDPSPEC_HELPER(__u64, ktime_get_tai_ns, void);
XDPSPEC_HELPER(__u64, jiffies64, void);
XDPSPEC_HELPER(__u32, get_smp_processor_id, void);
XDPSPEC_HELPER(long, get_numa_node_id, void);
XDPSPEC_HELPER(__u32, get_prandom_u32, void);
XDPSPEC_HELPER(long, timer_init, struct bpf_timer *timer, void *map, __u64 flags);
XDPSPEC_HELPER(long, timer_set_callback, struct bpf_timer *timer, void *callback);
XDPSPEC_HELPER(long, timer_start, struct bpf_timer *timer, __u64 nsecs, __u64 flags);
XDPSPEC_HELPER(long, timer_cancel, struct bpf_timer *timer);
XDPSPEC_HELPER(long, loop, __u32 rounds, void *callback, void *context, __u64 flags);
XDPSPEC_HELPER(long, strncmp, const char *text, __u32 size, const char *other);
XDPSPEC_HELPER(long, snprintf, char *to, __u32 size, const char *format, __u64 *data,
	       __u32 data_length);
XDPSPEC_HELPER(long, trace_printk, const char *format, __u32 format_size, ...);
XDPSPEC_HELPER(long, trace_vprintk, const char *format, __u32 format_size, const void *data,
	       __u32 data_length);

/* Up to three values go through bpf_trace_printk(), more through bpf_trace_vprintk(). */
#define bpf_printk(format, ...) \
	XDPSPEC_PRINTK(, ##__VA_ARGS__, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, \
		       FEW, FEW, FEW, FEW)(format, ##__VA_ARGS__)
#define XDPSPEC_PRINTK(none, a, b, c, d, e, f, g, h, i, j, k, l, chosen, ...) XDPSPEC_##chosen
#define XDPSPEC_FEW(format, ...) \
	({ \
		static const char text[] = format; \
		bpf_trace_printk(text, sizeof(text), ##__VA_ARGS__); \
	})
#define XDPSPEC_MANY(format, ...) \
	({ \
		static const char text[] = format; \
		unsigned long long values[] = { XDPSPEC_EACH(__VA_ARGS__) }; \
		bpf_trace_vprintk(text, sizeof(text), values, sizeof(values)); \
	})
#define XDPSPEC_EACH(...) \
	XDPSPEC_COUNT(__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)(__VA_ARGS__)
#define XDPSPEC_COUNT(a, b, c, d, e, f, g, h, i, j, k, l, count, ...) XDPSPEC_LIST##count
#define XDPSPEC_WORD(value) (unsigned long long)(value)
#define XDPSPEC_LIST1(a) XDPSPEC_WORD(a)
#define XDPSPEC_LIST2(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST1(__VA_ARGS__)
#define XDPSPEC_LIST3(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST2(__VA_ARGS__)
#define XDPSPEC_LIST4(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST3(__VA_ARGS__)
#define XDPSPEC_LIST5(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST4(__VA_ARGS__)
#define XDPSPEC_LIST6(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST5(__VA_ARGS__)
#define XDPSPEC_LIST7(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST6(__VA_ARGS__)
#define XDPSPEC_LIST8(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST7(__VA_ARGS__)
#define XDPSPEC_LIST9(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST8(__VA_ARGS__)
#define XDPSPEC_LIST10(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST9(__VA_ARGS__)
#define XDPSPEC_LIST11(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST10(__VA_ARGS__)
#define XDPSPEC_LIST12(a, ...) XDPSPEC_WORD(a), XDPSPEC_LIST11(__VA_ARGS__)

#endif
