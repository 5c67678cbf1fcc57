# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Packets as the stack has them: how much room is around the data, which programs can feel.

Mirrors ``net/core/skbuff.c: kmalloc_reserve, pskb_expand_head``, ``drivers/net/tun.c:
tun_build_skb, tun_alloc_skb`` and ``net/packet/af_packet.c: packet_alloc_skb``. Sizes are bytes.
"""

from __future__ import annotations

from spec.frame import HEADROOM, PADDING, PAGE_SIZE, SHARED_INFO, Frame, align

SMALL_HEAD = 576
"""What the cache for small heads gives (``SKB_SMALL_HEAD_CACHE_SIZE``) in many configurations.

In those with tunnels and wireless links it is 640.
"""
LINEAR_OF_TAP = PAGE_SIZE - PADDING - SHARED_INFO
"""The linear part of what does not fit a page (``SKB_MAX_HEAD``)."""
ETHERNET_HEADER, LINK_LAYER_ROOM = 14, 16
"""``LL_RESERVED_SPACE()`` of a device with Ethernet headers: where its network header would be."""
SPARE = 128
"""What is added where fragments move into the linear part."""


def allocated(size: int, small_head: int) -> int:
    """The room that there is where *size* bytes were asked for.

    It is all of a small head, if those are kept apart and one will do (*small_head* is 0 if they
    are not), or else what is left of a power of two.
    """
    needed = align(size) + SHARED_INFO
    if needed <= small_head:
        return small_head - SHARED_INFO
    return (1 << (needed - 1).bit_length()) - SHARED_INFO


def built(data: bytes) -> Frame:
    """What a tap builds around a frame that fits a page."""
    return Frame(data, PADDING, align(PADDING + len(data)))


def from_tap(data: bytes) -> Frame:
    """What a tap allocates for a frame that has no room beside what XDP wants."""
    linear = len(data) if PADDING + len(data) < PAGE_SIZE else LINEAR_OF_TAP
    # No small head is as large as that.
    return _with_fragments(data, linear, PADDING, allocated(PADDING + linear, 0))


def from_packet_socket(data: bytes, small_head: int) -> Frame:
    """What a packet socket sends; its Ethernet header ends where the link layer's room does."""
    linear = len(data) if LINK_LAYER_ROOM + len(data) < PAGE_SIZE else ETHERNET_HEADER
    headroom = LINK_LAYER_ROOM - ETHERNET_HEADER
    return _with_fragments(data, linear, headroom, allocated(LINK_LAYER_ROOM + linear, small_head))


def expanded(frame: Frame, small_head: int) -> Frame:
    """A linear copy of *frame* with at least the headroom that XDP promises.

    The headroom grows by whole cache lines, and the whole buffer is allocated anew
    (``net/core/dev.c: netif_skb_check_for_xdp``).
    """
    more = align(max(0, HEADROOM - frame.start))
    lacking = frame.start + len(frame) - frame.room
    size = frame.room + more + (lacking + SPARE if lacking > 0 else 0)
    copy = Frame(frame.data(), frame.start + more, allocated(size, small_head))
    copy.locked = True
    return copy


def _with_fragments(data: bytes, linear: int, headroom: int, room: int) -> Frame:
    frame = Frame(data[:linear], headroom, room)
    frame.locked = True
    if linear < len(data):
        rest = range(linear, len(data), PAGE_SIZE)
        frame.frags = [bytearray(data[offset : offset + PAGE_SIZE]) for offset in rest]
    return frame
