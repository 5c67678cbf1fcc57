# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a C block is, told from its text by one rule each, the first that fits."""

from __future__ import annotations

import re
from enum import Enum

from spec.testing.foreign.code import Code


class Kind(Enum):
    """What a block is; the value is how it is called."""

    EMPTY = "empty"
    COLON_FENCE = "colon fence"
    KERNEL = "kernel code"
    FRAGMENT = "fragment"
    PROTOTYPE = "prototype"
    USER = "user space"
    BPF = "BPF"


RULES = {
    Kind.EMPTY: "no code in it, only space or comments",
    Kind.COLON_FENCE: "a colon fence; only fences of backticks or tildes are read",
    Kind.KERNEL: "code of the kernel itself: it uses its headers or the macros of its modules",
    Kind.FRAGMENT: "not whole: statements outside a function, braces without their partner, "
    "an unfinished declaration, or dots in place of code",
    Kind.PROTOTYPE: "nothing but functions without bodies",
    Kind.USER: "not for the BPF target: main(), or calls of libbpf or the C library, and no SEC()",
    Kind.BPF: "anything else",
}
"""The rule for each kind, as guides and reports give it."""

JUDGED = (Kind.USER, Kind.BPF)

_KERNEL_HEADER = re.compile(
    r"linux/(module|kernel|init|btf|btf_ids|slab|filter|bpf_verifier|netdevice|skbuff|export)\.h"
    r"|net/(?!if\.h|ethernet\.h|route\.h).*|trace/.*"
)
_KERNEL_NAME = re.compile(
    r"__bpf_kfunc\w*|BTF_(KFUNCS?|SET8?|ID)(_\w+)?|register_btf_\w+|BTF_TYPE_SAFE_\w+|EXPORT_SYMBOL\w*"
    r"|module_(init|exit)|MODULE_LICENSE|\w+_initcall|SYSCALL_DEFINE\d|__init|__exit"
    r"|DEFINE_PER_CPU|rcu_read_lock|rcu_dereference|READ_ONCE_NOCHECK|kmalloc|kfree"
)
_USER_HEADER = re.compile(
    r"bpf/(bpf|libbpf|btf)\.h|xdp/.*|.*\.skel\.h|(stdio|stdlib|unistd|signal|getopt|poll|pthread"
    r"|dirent|locale)\.h|(sys|net|arpa)/.*"
)
USER_CALL = re.compile(
    r"(bpf_(object|map|program|link)|ring_buffer|user_ring_buffer|perf_buffer|btf|xsk_(ring|umem|socket))__\w+"
    r"|libbpf_\w+|bpf_(prog_(load|attach|detach)|map_create|obj_(pin|get)|xdp_(attach|detach|query)"
    r"|link_create|raw_tracepoint_open|map_get_next_key|map_freeze|btf_load)\w*"
    r"|bpf_map_(lookup_and_delete|lookup|update|delete)_batch"
    r"|\w+__(open|load|attach|destroy|open_and_load|open_opts)"
    r"|v?f?s?n?printf|perror|strerror|malloc|calloc|free|exit|syscall|if_nametoindex|sleep|getopt"
    r"|(set|get)sockopt|ioctl|socket|epoll_\w+|poll|f?open|f?close|f?read|f?write|mmap|munmap"
    r"|__sys_bpf|sys_bpf|assert|ASSERT_\w+|(DECLARE_)?LIBBPF_OPTS"
)
"""Calls that no BPF program makes."""
_ELEMENT_BY_DESCRIPTOR = re.compile(r"\bbpf_map_\w*elem\w*\s*\(\s*(?!&)(\w*fd\w*|bpf_map__fd)\b")
_BPF_SIGN = re.compile(r"\bSEC\s*\(|\b(struct\s+)?(xdp_md|__sk_buff|bpf_sock_addr|pt_regs)\b")


def kind_of(code: Code, hidden: bool = False) -> Kind:
    """The kind of the block with this *code*; *hidden* in markup that is not read."""
    if hidden:
        return Kind.COLON_FENCE
    if code.is_empty:
        return Kind.EMPTY
    if _is_kernel(code):
        return Kind.KERNEL
    if _is_fragment(code):
        return Kind.FRAGMENT
    if code.items and all(item.is_prototype for item in code.items):
        return Kind.PROTOTYPE
    return Kind.USER if _is_user(code) else Kind.BPF


def _is_kernel(code: Code) -> bool:
    return any(_KERNEL_HEADER.fullmatch(name) for name in code.includes) or any(
        _KERNEL_NAME.fullmatch(word) for word in code.words
    )


def _is_fragment(code: Code) -> bool:
    if not code.is_balanced or code.leaves_out:
        return True
    return any(i.is_statement or not (i.ended or i.is_prototype) for i in code.items)


def _is_user(code: Code) -> bool:
    if _BPF_SIGN.search(code.source):
        return False
    return (
        "main" in code.functions
        or any(_USER_HEADER.fullmatch(name) for name in code.includes)
        or any(USER_CALL.fullmatch(name) for name in code.calls)
        or bool(_ELEMENT_BY_DESCRIPTOR.search(code.source))
    )
