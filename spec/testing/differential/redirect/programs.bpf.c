/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What runs while redirection is searched for differences. A frame says itself what the programs
 * that it meets do: they take its calls one after the other and note in it how far they came, so
 * every frame comes to an end however devices are connected. After the last call it passes.
 *
 * Where a call needs an ifindex or a CPU, it has a place in `numbers`, so that a frame is the same
 * on every machine.
 */

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
    __uint(max_entries, 8);
} tx_port SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
    __uint(max_entries, 4);
} forward_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_CPUMAP);
    __type(key, __u32);
    __type(value, struct bpf_cpumap_val);
    __uint(max_entries, 64);
} cpu_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 4);
} xsks SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 64);
} numbers SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 256);
} places SEC(".maps");

struct ethernet {
    __u8 destination[6], source[6];
    __u16 protocol;
};

struct call {
    __u64 target, flags;
    __u8 kind, verdict;
} __attribute__((packed));

struct script {
    struct ethernet ethernet;
    __u8 calls, done, runs, ingress, egress, queue;
    __u16 metadata, length;
} __attribute__((packed));

enum { NOTHING, REDIRECT, SLOT, KEY, CPU, XSK, MARK, META, HEAD, TAIL, EVERY };
enum { HEADROOM = 256, MOST_CALLS = 4, GOES_ON = 254, ANSWER = 255 };

char _license[] SEC("license") = "GPL";

static __always_inline __u32 number(__u32 place)
{
    __u32 *found = bpf_map_lookup_elem(&numbers, &place);

    return found ? *found : 0;
}

static __always_inline __u8 place(__u32 number)
{
    __u32 *found = bpf_map_lookup_elem(&places, &number);

    return found ? *found : 255;
}

/*
 * What memory held before a frame that has grown is nobody's business; what is at the front now is
 * no script; and frames of one protocol reach whoever watches in the order in which they came.
 */
__attribute__((noinline)) int begin_anew(struct xdp_md *ctx, int grown)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct ethernet *front = data;
    struct script *script = data;

    for (int byte = 0; byte < HEADROOM && byte < grown; byte++) {
        if (data + byte + 1 > end)
            break;
        *(volatile __u8 *)(data + byte) = 0;
    }
    if ((void *)(front + 1) <= end)
        front->protocol = bpf_htons(0x88b5);
    if ((void *)(script + 1) <= end)
        script->calls = 0;
    return 0;
}

static __always_inline int follow(struct xdp_md *ctx, __u32 egress, int *count)
{
    long answer = XDP_PASS;
    int shift;

#pragma clang loop unroll(disable)
    for (int calls = 0; calls < MOST_CALLS; calls++) {
        void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
        struct script *script = data;
        struct call *call;
        __u8 verdict;

        if ((void *)(script + 1) > end || script->done >= script->calls)
            return XDP_PASS;
        call = (void *)(script + 1) + (script->done & 31) * sizeof(struct call);
        if ((void *)(call + 1) > end)
            return XDP_PASS;
        script->done++;
        verdict = call->verdict;
        switch (call->kind) {
        case REDIRECT:
            answer = bpf_redirect(number(call->target), call->flags);
            break;
        case SLOT:
            answer = bpf_redirect_map(&tx_port, call->target, call->flags);
            break;
        case KEY:
            answer = bpf_redirect_map(&forward_map, call->target, call->flags);
            break;
        case CPU:
            answer = bpf_redirect_map(&cpu_map, number(call->target), call->flags);
            break;
        case XSK:
            answer = bpf_redirect_map(&xsks, call->target, call->flags);
            break;
        case MARK:
            script->runs++;
            script->ingress = place(ctx->ingress_ifindex);
            script->egress = egress ? place(egress) : 0;
            script->queue = ctx->rx_queue_index;
            script->metadata = ctx->data - ctx->data_meta;
            script->length = end - data;
            break;
        case META:
            answer = bpf_xdp_adjust_meta(ctx, (int)call->target) ? XDP_DROP : XDP_PASS;
            break;
        case HEAD:
            shift = call->target;
            answer = bpf_xdp_adjust_head(ctx, shift) ? XDP_DROP : XDP_PASS;
            if (answer == XDP_PASS)
                begin_anew(ctx, -shift);
            if (verdict == GOES_ON)
                return XDP_PASS;
            break;
        case TAIL:
            answer = bpf_xdp_adjust_tail(ctx, (int)call->target) ? XDP_DROP : XDP_PASS;
            break;
        case EVERY:
            /* Let only each so many frames have the rest. */
            if (count && call->target && ++*count % (__u32)call->target)
                return verdict;
            continue;
        }
        if (verdict == ANSWER)
            return answer;
        if (verdict != GOES_ON)
            return verdict;
    }
    return XDP_ABORTED;
}

int count;

SEC("xdp") int follows(struct xdp_md *ctx) { return follow(ctx, 0, &count); }
SEC("xdp") int passes(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int drops(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp") int aborts(struct xdp_md *ctx) { return XDP_ABORTED; }
SEC("xdp") int unknown(struct xdp_md *ctx) { return 77; }
SEC("xdp") int tx(struct xdp_md *ctx) { return XDP_TX; }
SEC("xdp") int asks_nobody(struct xdp_md *ctx) { return XDP_REDIRECT; }
SEC("xdp") int to_slot(struct xdp_md *ctx) { return bpf_redirect_map(&tx_port, 0, XDP_PASS); }
SEC("xdp") int to_all(struct xdp_md *ctx)
{
    return bpf_redirect_map(&tx_port, 0, BPF_F_BROADCAST);
}
SEC("xdp") int to_all_others(struct xdp_md *ctx)
{
    return bpf_redirect_map(&forward_map, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
}
SEC("xdp") int to_cpu(struct xdp_md *ctx)
{
    return bpf_redirect_map(&cpu_map, number(1), XDP_DROP);
}
SEC("xdp") int to_socket(struct xdp_md *ctx) { return bpf_redirect_map(&xsks, 0, XDP_PASS); }

SEC("xdp/devmap") int entry_follows(struct xdp_md *ctx)
{
    return follow(ctx, ctx->egress_ifindex, 0);
}
SEC("xdp/devmap") int entry_pass(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp/devmap") int entry_drop(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp/devmap") int entry_aborted(struct xdp_md *ctx) { return XDP_ABORTED; }
SEC("xdp/devmap") int entry_tx(struct xdp_md *ctx) { return XDP_TX; }
SEC("xdp/devmap") int entry_redirect(struct xdp_md *ctx)
{
    return bpf_redirect_map(&forward_map, 0, 0);
}

SEC("xdp/cpumap") int cpu_follows(struct xdp_md *ctx) { return follow(ctx, 0, 0); }
SEC("xdp/cpumap") int cpu_pass(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp/cpumap") int cpu_drop(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp/cpumap") int cpu_aborted(struct xdp_md *ctx) { return XDP_ABORTED; }
SEC("xdp/cpumap") int cpu_to_slot(struct xdp_md *ctx)
{
    return bpf_redirect_map(&tx_port, 1, 0);
}
