# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which header declares a name: what a block would have to include to be complete."""

from __future__ import annotations

import re

from spec.testing.foreign.code import Code

_SHARED = {
    "stdbool.h": r"bool|true|false",
    "stddef.h": r"NULL|size_t|offsetof",
    "linux/types.h": r"__([us](8|16|32|64)|[bl]e(16|32|64)|sum16|wsum)",
    "linux/bpf.h": r"BPF_(?!PROG\d?$|KPROBE|KRETPROBE|CORE_)[A-Z]\w*|XDP_(ABORTED|DROP|PASS|TX"
    r"|REDIRECT)|xdp_md|__sk_buff|sk_msg_md|sk_reuseport_md|bpf_(devmap_val|cpumap_val|sock(_\w+)?"
    r"|fib_lookup|spin_lock|timer|attr|map_type|prog_type|attach_type|(prog|map|link|btf)_info"
    r"|lpm_trie_key\w*|tunnel_key|dynptr|list_head|list_node|rb_root|rb_node|sysctl|perf_event_data"
    r"|flow_keys|sk_lookup|iter_\w+)|SK_(PASS|DROP)",
    "linux/if_ether.h": r"ethhdr|ETH_\w+",
    "linux/ip.h": r"iphdr",
    "linux/ipv6.h": r"ipv6hdr",
    "linux/tcp.h": r"tcphdr",
    "linux/udp.h": r"udphdr",
    "linux/icmp.h": r"icmphdr|ICMP_\w+",
    "linux/if_link.h": r"XDP_FLAGS_\w+",
    "linux/if_xdp.h": r"xdp_(desc|umem_reg\w*|mmap_offsets\w*|statistics\w*)|sockaddr_xdp"
    r"|XDP_(RX_RING|TX_RING|UMEM\w+|COPY|ZEROCOPY|SHARED_UMEM|USE_NEED_WAKEUP|STATISTICS)",
}

_BPF = _SHARED | {
    "linux/in.h": r"IPPROTO_\w+|in_addr|sockaddr_in",
    "linux/pkt_cls.h": r"TC_ACT_\w+",
    "linux/ptrace.h": r"pt_regs",
    "linux/errno.h": r"E(PERM|NOENT|INVAL|EXIST|NOMEM|BUSY|FAULT|ACCES|AGAIN|2BIG|NOSPC)",
    "bpf/bpf_helpers.h": r"SEC|__uint|__type|__array|__ulong|__always_inline|__noinline|__ksym"
    r"|__kconfig|__weak|__hidden|bpf_printk|bpf_for(_each)?|bpf_repeat|bpf_(?!htons|ntohs|htonl"
    r"|ntohl|cpu_to|be\d|core_)\w+\(",
    "bpf/bpf_endian.h": r"bpf_(htons|ntohs|htonl|ntohl|cpu_to_be\d\d|be\d\d_to_cpu)",
    "bpf/bpf_tracing.h": r"BPF_PROG2?|BPF_K(RET)?PROBE|BPF_KSYSCALL|PT_REGS_\w+",
    "bpf/bpf_core_read.h": r"BPF_CORE_\w+|bpf_core_\w+",
}

_USER = _SHARED | {
    "stdio.h": r"[vfsn]*printf|std(err|out|in)|perror|fopen|fclose|fgets|FILE",
    "stdlib.h": r"malloc|calloc|realloc|free|exit|atoi|strto\w+|EXIT_\w+|getenv|rand|abort",
    "string.h": r"str(error|len|n?cmp|n?cpy|chr|dup|str|tok)|mem(set|cpy|cmp|move)",
    "errno.h": r"errno|E(PERM|NOENT|INVAL|EXIST|NOMEM|BUSY|FAULT|ACCES|AGAIN|2BIG|NOSPC|INTR)",
    "unistd.h": r"close|read|write|u?sleep|getpid|getopt|syscall|sysconf|_SC_\w+|unlink",
    "signal.h": r"signal|sigaction|SIG[A-Z]+|kill",
    "fcntl.h": r"open|O_[A-Z]+",
    "stdint.h": r"u?int(8|16|32|64)_t|uintptr_t",
    "assert.h": r"assert",
    "poll.h": r"poll|pollfd|POLL[A-Z]+",
    "net/if.h": r"if_nametoindex|if_indextoname|IF_NAMESIZE",
    "sys/socket.h": r"sockaddr|socket|[gs]etsockopt|bind|sendto|AF_\w+|SOCK_\w+|SOL_SOCKET",
    "netinet/in.h": r"sockaddr_in6?|in6?_addr|IPPROTO_\w+|INADDR_\w+",
    "arpa/inet.h": r"inet_\w+|htons|ntohs|htonl|ntohl",
    "sys/syscall.h": r"__NR_\w+|SYS_\w+",
    "sys/resource.h": r"rlimit|[gs]etrlimit|RLIM\w+",
    "sys/mman.h": r"mmap|munmap|MAP_(SHARED|PRIVATE|FAILED|ANON\w*)|PROT_\w+",
    "bpf/bpf.h": r"bpf_(map_(?!type|info|_)\w+|prog_(load|attach|detach|query|test_run\w*|get_\w+)"
    r"|obj_(?!ect)\w+|link_(create|update|get_\w+)|btf_\w+|raw_tracepoint_open)\(|(DECLARE_)?LIBBPF_OPTS",
    "bpf/libbpf.h": r"bpf_(object|map|program|link)(__\w+)?|libbpf_\w+|(user_)?ring_buffer(__\w+)?"
    r"|perf_buffer(__\w+)?|bpf_xdp_\w+|bpf_tc_\w+",
    "bpf/btf.h": r"btf(__\w+)?",
}

TABLES = {
    user: {header: re.compile(pattern) for header, pattern in table.items()}
    for user, table in ((False, _BPF), (True, _USER))
}

_UAPI = re.compile(r"linux/.*|bpf/(bpf|libbpf|btf)\.h")
VMLINUX = "vmlinux.h"
STANDS_FOR_UAPI = re.compile(r"linux/.*|std(bool|def|int)\.h")
"""What a block has no need of once it includes VMLINUX."""


def missing_headers(code: Code, user: bool) -> tuple[str, ...]:
    """The headers that declare what *code* uses and neither defines nor includes."""
    words = (code.words - frozenset(code.defined)) | frozenset(f"{c}(" for c in code.calls)
    found = [
        header
        for header, names in TABLES[user].items()
        if header not in code.includes and any(names.fullmatch(word) for word in words)
    ]
    own = (*code.includes, *found)
    if any(_UAPI.fullmatch(header) for header in own if header != "linux/types.h"):
        found = [header for header in found if header != "linux/types.h"]
    if VMLINUX in code.includes:
        found = [header for header in found if not STANDS_FOR_UAPI.fullmatch(header)]
    return tuple(found)
