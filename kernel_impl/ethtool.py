# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The statistics of a driver, as ``ethtool -S`` asks for them (``include/uapi/linux/ethtool.h``).

By ioctl: the netlink family of ethtool does not offer them.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Mapping

from kernel_impl.libbpf import ffi
from spec.errors import KernelError

SIOCETHTOOL = 0x8946
ETHTOOL_GSTRINGS, ETHTOOL_GSTATS, ETHTOOL_GSSET_INFO = 0x1B, 0x1D, 0x37
ETH_SS_STATS = 1
ETH_GSTRING_LEN = 32
_SET_INFO, _STRINGS, _STATS = struct.Struct("=IIQI"), struct.Struct("=III"), struct.Struct("=II")


def statistics(name: str) -> Mapping[str, int]:
    """What the driver of the device *name* counts, empty for one that counts nothing itself.

    In the calling thread's namespace.
    """
    answer = _ask(name, _SET_INFO.pack(ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_STATS, 0))
    _, _, known, count = _SET_INFO.unpack(answer)
    if not known:
        return {}
    strings = _STRINGS.pack(ETHTOOL_GSTRINGS, ETH_SS_STATS, count)
    names = _ask(name, strings + bytes(count * ETH_GSTRING_LEN))[_STRINGS.size :]
    values = _ask(name, _STATS.pack(ETHTOOL_GSTATS, count) + bytes(count * 8))
    words = struct.unpack_from(f"={count}Q", values, _STATS.size)
    fields = (names[at : at + ETH_GSTRING_LEN] for at in range(0, len(names), ETH_GSTRING_LEN))
    return {field.rstrip(b"\0").decode(): word for field, word in zip(fields, words, strict=True)}


def _ask(name: str, question: bytes) -> bytes:
    buffer = ffi.new("char[]", question)
    request = struct.pack("16sQ16x", name.encode(), int(ffi.cast("uintptr_t", buffer)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            fcntl.ioctl(any_socket, SIOCETHTOOL, request)
        except OSError as error:
            raise KernelError(error.errno or 0) from None
    return bytes(ffi.buffer(buffer, len(question)))
