# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The helper functions that XDP programs call, by number.

Each takes the run's memory and the five argument registers and returns a signed number, 0 or a
negative errno where the kernel has it so. Mirrors ``kernel/bpf/helpers.c`` and
``net/core/filter.c: xdp_func_proto``.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import E2BIG, EINVAL, ENOENT
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from spec.machine import packet_helpers, record_helpers, text_helpers
from spec.machine.fault import BUDGET, Trap
from spec.machine.host import PerCpuMap, ProgramArray, TailTarget
from spec.machine.memory import MAX_TAIL_CALLS, Memory

if TYPE_CHECKING:
    from spec.machine.executable import Executable

Function: TypeAlias = Callable[[Memory, int, int, int, int, int], int]

MASK32 = 0xFFFFFFFF


def map_lookup_elem(memory: Memory, map: int, key: int, *_: int) -> int:
    """``bpf_map_lookup_elem()``: address of the value, or 0."""
    table = memory.map(map)
    value = table.program_lookup(memory.read(key, table.key_size))
    return 0 if value is None else memory.place(value)


def map_update_elem(memory: Memory, map: int, key: int, value: int, flags: int, _: int) -> int:
    """``bpf_map_update_elem()``."""
    table = memory.map(map)
    content = memory.read(value, table.value_size)
    return _answer(memory, table.program_update(memory.read(key, table.key_size), content, flags))


def map_delete_elem(memory: Memory, map: int, key: int, *_: int) -> int:
    """``bpf_map_delete_elem()``."""
    table = memory.map(map)
    return _answer(memory, table.program_delete(memory.read(key, table.key_size)))


def _answer(memory: Memory, answer: int) -> int:
    """A map's own function, which the verifier calls in the helper's place, answered an ``int``.

    So a program that looked at all 64 bits of r0 saw a positive number in place of an errno.
    """
    if answer < 0 and not memory.release.has("map_operations_return_long"):
        return answer & MASK32
    return answer


def ktime_get_ns(memory: Memory, *_: int) -> int:
    """``bpf_ktime_get_ns()``: nanoseconds since boot."""
    return memory.host.ktime_ns()


def get_prandom_u32(memory: Memory, *_: int) -> int:
    """``bpf_get_prandom_u32()``."""
    return memory.host.random_u32() & MASK32


def get_smp_processor_id(memory: Memory, *_: int) -> int:
    """``bpf_get_smp_processor_id()``."""
    return memory.host.cpu()


def get_numa_node_id(*_: int | Memory) -> int:
    """``bpf_get_numa_node_id()``: the machine has one node."""
    return 0


def jiffies(memory: Memory, *_: int) -> int:
    """``bpf_jiffies64()`` of a kernel with 250 of them a second."""
    return memory.host.ktime_ns() // 4_000_000


def no_socket(*_: int | Memory) -> int:
    """``bpf_sk_lookup_tcp()`` and its kin, where nobody listens: no socket."""
    return 0


def lock(*_: int | Memory) -> int:
    """``bpf_spin_lock()`` and ``bpf_spin_unlock()``: nothing else runs meanwhile."""
    return 0


def map_lookup_percpu_elem(memory: Memory, map: int, key: int, cpu: int, *_: int) -> int:
    """``bpf_map_lookup_percpu_elem()``: address of that CPU's copy, or 0."""
    table = cast(PerCpuMap, memory.map(map))
    value = table.program_lookup_on(memory.read(key, table.key_size), cpu & MASK32)
    return 0 if value is None else memory.place(value)


def redirect(memory: Memory, ifindex: int, flags: int, *_: int) -> int:
    """``bpf_redirect()``."""
    return memory.host.redirect(ifindex & MASK32, flags)


def redirect_map(memory: Memory, map: int, key: int, flags: int, *_: int) -> int:
    """``bpf_redirect_map()``."""
    return memory.host.redirect_map(memory.map(map), key, flags)


def tail_call(memory: Memory, map: int, index: int) -> TailTarget | None:
    """Where ``bpf_tail_call()`` goes; None to carry on (``kernel/bpf/core.c: JMP_TAIL_CALL``)."""
    if memory.tail_calls >= MAX_TAIL_CALLS:
        return None
    target = cast(ProgramArray, memory.map(map)).target(index & MASK32)
    if target is not None:
        memory.tail_calls += 1
    return target


LOOP = 181

MAX_LOOPS = 8 * 1024 * 1024


def loop(
    memory: Memory,
    executable: Executable,
    count: int,
    function: int,
    state: int,
    flags: int,
    _: int,
) -> int:
    """``bpf_loop()``: calls *function* of the program with a number and *state* until it says 1."""
    count &= MASK32
    if flags:
        return -EINVAL
    if count > MAX_LOOPS:
        return -E2BIG
    for number in range(count):
        memory.check_budget(BUDGET)
        if executable.call(memory, function, (number, state, 0, 0, 0)):
            return number + 1
    return count


class Helper(NamedTuple):
    """A helper as programs and the verifier know it.

    ``arguments`` has a letter for each argument: ``c`` context, ``m`` map, ``k`` key, ``v`` value,
    ``p`` pointer to memory whose size is the next argument ``s``, ``r`` ring buffer record,
    ``n`` number, ``f`` function of the program, ``a`` anything. ``returns`` is ``n`` for a
    number, ``v`` for a map value or null, ``r`` for a record or null, ``?`` for what nobody knows,
    ``-`` where r0 may not be read afterwards.
    ``since`` is the first release that has it.
    """

    name: str
    function: Function
    arguments: str
    returns: str = "n"
    gpl_only: bool = False
    since: tuple[int, int] = (4, 8)


def _engine_only(*_: int | Memory) -> int:
    """Engines do tail calls and loops themselves; a tail call that goes nowhere ends here."""
    return -ENOENT


def _refused(*_: int | Memory) -> int:
    raise Trap("the verifier lets nothing pass here")


LOOKUP, TAIL_CALL = 1, 12
REFUSED = 1 << 30
"""No helper of any kernel: stands where a program must not come (``executable.py``)."""

HELPERS: dict[int, Helper] = {
    LOOKUP: Helper("bpf_map_lookup_elem", map_lookup_elem, "mk", "v"),
    2: Helper("bpf_map_update_elem", map_update_elem, "mkvn"),
    3: Helper("bpf_map_delete_elem", map_delete_elem, "mk"),
    5: Helper("bpf_ktime_get_ns", ktime_get_ns, ""),
    6: Helper("bpf_trace_printk", text_helpers.trace_printk, "ps", gpl_only=True),
    7: Helper("bpf_get_prandom_u32", get_prandom_u32, ""),
    8: Helper("bpf_get_smp_processor_id", get_smp_processor_id, ""),
    TAIL_CALL: Helper("bpf_tail_call", _engine_only, "cmn", "-"),
    23: Helper("bpf_redirect", redirect, "nn", since=(4, 14)),
    25: Helper("bpf_perf_event_output", record_helpers.perf_event_output, "cmnps", gpl_only=True),
    28: Helper("bpf_csum_diff", packet_helpers.csum_diff, "pspsn", since=(4, 16)),
    42: Helper("bpf_get_numa_node_id", get_numa_node_id, "", since=(4, 10)),
    44: Helper("bpf_xdp_adjust_head", packet_helpers.adjust_head, "cn", since=(4, 10)),
    51: Helper("bpf_redirect_map", redirect_map, "mnn", since=(4, 14)),
    54: Helper("bpf_xdp_adjust_meta", packet_helpers.adjust_meta, "cn", since=(4, 15)),
    65: Helper("bpf_xdp_adjust_tail", packet_helpers.adjust_tail, "cn", since=(4, 18)),
    69: Helper("bpf_fib_lookup", packet_helpers.fib_lookup, "cpsn", gpl_only=True, since=(4, 18)),
    84: Helper("bpf_sk_lookup_tcp", no_socket, "cpsnn", "?"),
    85: Helper("bpf_sk_lookup_udp", no_socket, "cpsnn", "?"),
    86: Helper("bpf_sk_release", no_socket, "p"),
    93: Helper("bpf_spin_lock", lock, "p", "-", since=(5, 1)),
    94: Helper("bpf_spin_unlock", lock, "p", "-", since=(5, 1)),
    99: Helper("bpf_skc_lookup_tcp", no_socket, "cpsnn", "?"),
    118: Helper("bpf_jiffies64", jiffies, "", since=(5, 6)),
    125: Helper("bpf_ktime_get_boot_ns", ktime_get_ns, "", since=(5, 8)),
    130: Helper("bpf_ringbuf_output", record_helpers.ringbuf_output, "mpsn", since=(5, 8)),
    131: Helper("bpf_ringbuf_reserve", record_helpers.ringbuf_reserve, "mnn", "r", since=(5, 8)),
    132: Helper("bpf_ringbuf_submit", record_helpers.ringbuf_submit, "rn", "-", since=(5, 8)),
    133: Helper("bpf_ringbuf_discard", record_helpers.ringbuf_discard, "rn", "-", since=(5, 8)),
    134: Helper("bpf_ringbuf_query", record_helpers.ringbuf_query, "mn", since=(5, 8)),
    163: Helper("bpf_check_mtu", packet_helpers.check_mtu, "cnpnn", gpl_only=True, since=(5, 12)),
    165: Helper("bpf_snprintf", text_helpers.snprintf, "pspps", gpl_only=True, since=(5, 13)),
    177: Helper(
        "bpf_trace_vprintk", text_helpers.trace_vprintk, "psps", gpl_only=True, since=(5, 16)
    ),
    182: Helper("bpf_strncmp", text_helpers.strncmp, "psp", since=(5, 17)),
    188: Helper("bpf_xdp_get_buff_len", packet_helpers.get_buff_len, "c", since=(5, 18)),
    189: Helper("bpf_xdp_load_bytes", packet_helpers.load_bytes, "cnps", since=(5, 18)),
    LOOP: Helper("bpf_loop", _engine_only, "nfan", since=(5, 17)),
    190: Helper("bpf_xdp_store_bytes", packet_helpers.store_bytes, "cnps", since=(5, 18)),
    195: Helper("bpf_map_lookup_percpu_elem", map_lookup_percpu_elem, "mkn", "v", since=(5, 19)),
    208: Helper("bpf_ktime_get_tai_ns", ktime_get_ns, "", since=(6, 1)),
    REFUSED: Helper("", _refused, ""),
}

CHANGES_PACKET = {44, 54, 65}
"""Helpers after which every packet pointer is void (``bpf_helper_changes_pkt_data``)."""
