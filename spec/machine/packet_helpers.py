# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Helpers that look at the packet or change its bounds (``net/core/filter.c: bpf_xdp_*``)."""

from __future__ import annotations

from errno import EACCES, EFAULT, EINVAL, ENODEV, EOPNOTSUPP
from struct import iter_unpack

from spec.errors import ENOTSUPP
from spec.machine.host import Frame
from spec.machine.memory import Memory

XDP_FRAME_SIZE = 40
"""Headroom that ``struct xdp_frame`` takes when the frame is queued (x86-64, arm64)."""

ETH_HLEN = 14
MAX_METADATA, OLD_MAX_METADATA = 252, 32
MAX_PACKET = 0xFFFF
LARGEST_ROOM = 4096 - 320
"""Headroom, data and tailroom in a page, which ``struct skb_shared_info`` ends."""

BPF_FIB_LKUP_RET_NOT_FWDED = 4
FIB_LOOKUP_SIZE = 64
BPF_MTU_CHK_RET_FRAG_NEEDED = 1
FIB_LOOKUP_FLAGS = 0x7F


def signed32(value: int) -> int:
    """The low 32 bits as the C type ``int``."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def adjust_head(memory: Memory, context: int, offset: int, *_: int) -> int:
    """``bpf_xdp_adjust_head()``: metadata moves along with the start of the packet."""
    del context
    frame, offset = memory.context.frame, signed32(offset)
    metadata = frame.start - frame.meta
    start = frame.start + offset
    if start < XDP_FRAME_SIZE + metadata or start > frame.end - ETH_HLEN:
        return -EINVAL
    if metadata:
        moved = bytes(frame.memory[frame.meta : frame.start])
        frame.memory[frame.meta + offset : start] = moved
    frame.meta, frame.start = frame.meta + offset, start
    memory.map_packet()
    return 0


def adjust_meta(memory: Memory, context: int, offset: int, *_: int) -> int:
    """``bpf_xdp_adjust_meta()``: metadata is a multiple of 4 bytes, and not too much."""
    del context
    if not memory.context.takes_metadata:
        return -ENOTSUPP
    frame = memory.context.frame
    meta = frame.meta + signed32(offset)
    if meta < XDP_FRAME_SIZE or meta > frame.start:
        return -EINVAL
    metadata = frame.start - meta
    limit = MAX_METADATA if memory.release.has("long_metadata") else OLD_MAX_METADATA
    if metadata % 4 or metadata > limit:
        return -EACCES
    frame.meta = meta
    memory.map_packet()
    return 0


def adjust_tail(memory: Memory, context: int, offset: int, *_: int) -> int:
    """``bpf_xdp_adjust_tail()``: new bytes are zero.

    Before ``large_buffers_have_tails`` no packet in a buffer larger than a page could change
    its length.
    """
    del context
    frame, offset = memory.context.frame, signed32(offset)
    if frame.frags:
        result = _adjust_fragments(frame, offset)
    elif frame.room > LARGEST_ROOM and not memory.release.has("large_buffers_have_tails"):
        return -EINVAL
    else:
        end = frame.end + offset
        if end < frame.start + ETH_HLEN or (offset > 0 and not frame.lengthen(end)):
            return -EINVAL
        frame.end = end
        result = 0
    if result == 0:
        memory.map_packet()
    return result


def _adjust_fragments(frame: Frame, offset: int) -> int:
    if offset >= 0:
        return _grow_fragment(frame, offset)
    remove = -offset
    if remove > packet_length(frame) - ETH_HLEN:
        return -EINVAL
    while remove and frame.frags:
        fragment = frame.frags[-1]
        if len(fragment) > remove:
            frame.frags[-1] = fragment[:-remove]
            return 0
        remove -= len(fragment)
        frame.frags.pop()
    frame.end -= remove
    return 0


def _grow_fragment(frame: Frame, offset: int) -> int:
    """The last fragment grows, if the receive queue tells how far it may."""
    if not frame.frag_room:
        return -EOPNOTSUPP
    fragment = frame.frags[-1]
    if offset > frame.frag_room - len(fragment):
        return -EINVAL
    frame.frags[-1] = fragment + bytes(offset)
    return 0


def packet_length(frame: Frame) -> int:
    """Bytes of the packet with its fragments, without metadata."""
    return frame.end - frame.start + sum(map(len, frame.frags))


def get_buff_len(memory: Memory, *_: int) -> int:
    """``bpf_xdp_get_buff_len()``."""
    return packet_length(memory.context.frame)


def load_bytes(memory: Memory, context: int, offset: int, to: int, size: int, _: int) -> int:
    """``bpf_xdp_load_bytes()``: also from fragments."""
    del context
    frame, offset, size = memory.context.frame, offset & 0xFFFFFFFF, size & 0xFFFFFFFF
    problem = _out_of_packet(frame, offset, size)
    if problem:
        return problem
    data = bytes(frame.memory[frame.start : frame.end]) + b"".join(frame.frags)
    memory.write(to, data[offset : offset + size])
    return 0


def store_bytes(memory: Memory, context: int, offset: int, source: int, size: int, _: int) -> int:
    """``bpf_xdp_store_bytes()``: also into fragments."""
    del context
    frame, offset, size = memory.context.frame, offset & 0xFFFFFFFF, size & 0xFFFFFFFF
    problem = _out_of_packet(frame, offset, size)
    if problem:
        return problem
    data = memory.read(source, size)
    areas = [
        memoryview(frame.memory)[frame.start : frame.end],
        *(memoryview(fragment) for fragment in frame.frags),
    ]
    for area in areas:
        if offset >= len(area):
            offset -= len(area)
            continue
        part = data[: len(area) - offset]
        area[offset : offset + len(part)] = part
        data, offset = data[len(part) :], 0
    return 0


def _out_of_packet(frame: Frame, offset: int, size: int) -> int:
    if offset > MAX_PACKET or size > MAX_PACKET:
        return -EFAULT
    return -EINVAL if offset + size > packet_length(frame) else 0


def check_mtu(
    memory: Memory, context: int, ifindex: int, length: int, difference: int, flags: int
) -> int:
    """``bpf_check_mtu()``: whether the packet, or *length* of it, fits a device."""
    del context
    if flags:
        return -EINVAL
    known = memory.context
    mtu = memory.host.mtu(known.ingress_ifindex, ifindex & 0xFFFFFFFF)
    if mtu is None:
        return -ENODEV
    size = known.frame.end - known.frame.start
    if asked := memory.load(length, 4):
        size = asked + ETH_HLEN
    memory.store(length, 4, mtu)
    # The kernel's int wraps around (-fno-strict-overflow).
    is_too_long = signed32(size + difference) > mtu + ETH_HLEN
    return BPF_MTU_CHK_RET_FRAG_NEEDED if is_too_long else 0


def csum_diff(memory: Memory, old: int, old_size: int, new: int, new_size: int, seed: int) -> int:
    """``bpf_csum_diff()``: a checksum's change by taking *old* and adding *new*."""
    if not memory.release.has("csum_diff_folded"):
        return _old_csum_diff(memory, (old, old_size), (new, new_size), seed)
    before = memory.read(old, old_size & 0xFFFFFFFF)
    after = memory.read(new, new_size & 0xFFFFFFFF)
    total = seed & 0xFFFFFFFF
    if before and after:
        total = _ones_add(_checksum(after, total), ~_checksum(before, 0) & 0xFFFFFFFF)
    elif after:
        total = _checksum(after, total)
    elif before:
        total = ~_checksum(before, ~total & 0xFFFFFFFF) & 0xFFFFFFFF
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)


MAX_CHECKSUMMED = 512
"""Bytes of ``struct bpf_scratchpad``, which held both parts."""


def _old_csum_diff(memory: Memory, old: tuple[int, int], new: tuple[int, int], seed: int) -> int:
    total, size = seed & 0xFFFFFFFF, old[1] + new[1]
    if (old[1] | new[1]) & 3 or size > MAX_CHECKSUMMED:
        return -EINVAL
    for (address, size), flip in ((old, 0xFFFFFFFF), (new, 0)):
        for (word,) in iter_unpack("=I", memory.read(address, size & 0xFFFFFFFF)):
            total = _ones_add(total, word ^ flip)
    return total


def _checksum(data: bytes, seed: int) -> int:
    """``csum_partial()``: the ones' complement sum of 32-bit words."""
    total = seed
    for (word,) in iter_unpack("=I", data.ljust(-(-len(data) // 4) * 4, b"\0")):
        total = _ones_add(total, word)
    return total


def _ones_add(left: int, right: int) -> int:
    total = left + right
    return (total & 0xFFFFFFFF) + (total >> 32)


def fib_lookup(memory: Memory, context: int, params: int, size: int, flags: int, _: int) -> int:
    """``bpf_fib_lookup()`` where no route exists: ``BPF_FIB_LKUP_RET_NOT_FWDED``."""
    del context
    size, flags = signed32(size), flags & 0xFFFFFFFF
    if size < FIB_LOOKUP_SIZE or flags & ~FIB_LOOKUP_FLAGS:
        return -EINVAL
    memory.read(params, size)
    return BPF_FIB_LKUP_RET_NOT_FWDED
