/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of redirection run; with FRAGS defined, the few programs that know fragments. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
    __uint(max_entries, 40);
} tx_port SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
    __uint(max_entries, 8);
} forward_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_CPUMAP);
    __type(key, __u32);
    __type(value, struct bpf_cpumap_val);
    __uint(max_entries, 4);
} cpu_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 4);
} xsks SEC(".maps");

/* What programs leave in a frame, right after its Ethernet header. */
struct marks {
    __u32 ingress_ifindex, egress_ifindex, rx_queue_index;
    __u16 metadata, linear;
    __u8 runs;
};

struct step {
    __u64 target, flags;
    __u8 kind, verdict;
} __attribute__((packed));

struct script {
    __u8 ethernet[14];
    struct marks marks;
    __u8 steps;
} __attribute__((packed));

char _license[] SEC("license") = "GPL";

static __always_inline int follow(struct xdp_md *ctx, int *turn)
{
    long answer = XDP_PASS;

    for (int calls = 0; calls < 4; calls++) {
        void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
        struct script *script = data;
        struct step *step;
        __u8 verdict;

        if ((void *)(script + 1) > end)
            return XDP_PASS;
        step = (void *)(script + 1) + (*turn & 127) * sizeof(struct step);
        if ((void *)(step + 1) > end)
            return XDP_PASS;
        if (++*turn >= script->steps)
            *turn = 0;
        verdict = step->verdict;
        switch (step->kind) {
        case 1:
            answer = bpf_redirect(step->target, step->flags);
            break;
        case 2:
            answer = bpf_redirect_map(&tx_port, step->target, step->flags);
            break;
        case 3:
            answer = bpf_redirect_map(&forward_map, step->target, step->flags);
            break;
        case 4:
            answer = bpf_redirect_map(&cpu_map, step->target, step->flags);
            break;
        case 5:
            answer = bpf_redirect_map(&xsks, step->target, step->flags);
            break;
        case 6:
            script->marks.runs++;
            script->marks.linear = ctx->data_end - ctx->data;
            script->marks.metadata = ctx->data - ctx->data_meta;
            script->marks.ingress_ifindex = ctx->ingress_ifindex;
            script->marks.rx_queue_index = ctx->rx_queue_index;
            break;
        case 7:
            answer = bpf_xdp_adjust_meta(ctx, -(int)step->target) ? XDP_DROP : XDP_PASS;
            break;
        case 8:
            answer = bpf_xdp_adjust_head(ctx, step->target) ? XDP_DROP : XDP_PASS;
            break;
        }
        if (verdict == 255)
            return answer;
        if (verdict != 254)
            return verdict;
    }
    return XDP_ABORTED;
}

#ifdef FRAGS
int turn;

SEC("xdp.frags") int follows(struct xdp_md *ctx) { return follow(ctx, &turn); }
SEC("xdp.frags") int pass(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp.frags/devmap") int entry_pass(struct xdp_md *ctx) { return XDP_PASS; }

#else
int turn, cpu_turn;

SEC("xdp") int follows(struct xdp_md *ctx) { return follow(ctx, &turn); }
SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int drops(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp") int aborts(struct xdp_md *ctx) { return XDP_ABORTED; }
SEC("xdp") int marks_itself(struct xdp_md *ctx)
{
    struct script *script = (void *)(long)ctx->data;

    if ((void *)(script + 1) <= (void *)(long)ctx->data_end)
        script->marks.runs++;
    return XDP_PASS;
}
SEC("xdp") int marks_and_drops(struct xdp_md *ctx)
{
    return marks_itself(ctx) == XDP_PASS ? XDP_DROP : XDP_ABORTED;
}
SEC("xdp") int to_slot_0(struct xdp_md *ctx) { return bpf_redirect_map(&tx_port, 0, 0); }
SEC("xdp") int to_cpu_0(struct xdp_md *ctx) { return bpf_redirect_map(&cpu_map, 0, 0); }
SEC("xdp") int to_cpu_1(struct xdp_md *ctx) { return bpf_redirect_map(&cpu_map, 1, 0); }
SEC("xdp/cpumap") int cpu_follows(struct xdp_md *ctx) { return follow(ctx, &cpu_turn); }

SEC("xdp/devmap") int entry_pass(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp/devmap") int entry_drop(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp/devmap") int entry_aborted(struct xdp_md *ctx) { return XDP_ABORTED; }
SEC("xdp/devmap") int entry_tx(struct xdp_md *ctx) { return XDP_TX; }
SEC("xdp/devmap") int entry_redirect(struct xdp_md *ctx) { return bpf_redirect(1, 0); }
SEC("xdp/devmap") int entry_redirects_to_39(struct xdp_md *ctx)
{
    return bpf_redirect_map(&tx_port, 39, 0);
}
SEC("xdp/devmap") int entry_cuts(struct xdp_md *ctx)
{
    return bpf_xdp_adjust_head(ctx, 4) ? XDP_ABORTED : XDP_PASS;
}
SEC("xdp/devmap") int entry_unknown(struct xdp_md *ctx) { return 77; }

/* Asks for the device in slot 39 and lets its own frame out. */
SEC("xdp/devmap") int entry_asks(struct xdp_md *ctx)
{
    __u32 slot = 39;
    struct bpf_devmap_val *other = bpf_map_lookup_elem(&tx_port, &slot);

    if (other)
        bpf_redirect(other->ifindex, 0);
    return XDP_PASS;
}

static __always_inline struct marks *marks_of(struct xdp_md *ctx)
{
    struct script *script = (void *)(long)ctx->data;

    return (void *)(script + 1) > (void *)(long)ctx->data_end ? 0 : &script->marks;
}

SEC("xdp") int drops_once(struct xdp_md *ctx)
{
    struct marks *marks = marks_of(ctx);

    if (!marks)
        return XDP_ABORTED;
    return marks->runs++ ? XDP_PASS : XDP_DROP;
}

SEC("xdp/devmap") int entry_marks(struct xdp_md *ctx)
{
    struct marks *marks = marks_of(ctx);

    if (!marks)
        return XDP_DROP;
    marks->ingress_ifindex = ctx->ingress_ifindex;
    marks->egress_ifindex = ctx->egress_ifindex;
    marks->rx_queue_index = ctx->rx_queue_index;
    marks->metadata = ctx->data - ctx->data_meta;
    marks->linear = ctx->data_end - ctx->data;
    marks->runs++;
    return XDP_PASS;
}

SEC("xdp/devmap") int entry_marks_and_drops(struct xdp_md *ctx)
{
    struct marks *marks = marks_of(ctx);

    if (marks)
        marks->runs++;
    return XDP_DROP;
}

int passed;
SEC("xdp/devmap") int entry_all_but_17th(struct xdp_md *ctx)
{
    return passed++ == 16 ? XDP_DROP : XDP_PASS;
}

int odd;
SEC("xdp/devmap") int entry_every_other(struct xdp_md *ctx)
{
    struct marks *marks = marks_of(ctx);

    if (!marks)
        return XDP_DROP;
    marks->runs = odd;
    return odd++ % 2 ? XDP_DROP : XDP_PASS;
}

SEC("xdp/devmap") int entry_lengthens(struct xdp_md *ctx)
{
    return bpf_xdp_adjust_head(ctx, -100) ? XDP_DROP : XDP_PASS;
}

int third;
SEC("xdp/devmap") int entry_lengthens_third(struct xdp_md *ctx)
{
    return ++third == 3 && bpf_xdp_adjust_head(ctx, -1) ? XDP_DROP : XDP_PASS;
}

/* Takes all the room before the packet, a little at a time. */
SEC("xdp/devmap") int entry_fills_headroom(struct xdp_md *ctx)
{
    for (int i = 0; i < 256; i += 4)
        bpf_xdp_adjust_head(ctx, -4);
    return XDP_PASS;
}

#endif
