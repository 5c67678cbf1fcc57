# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Helpers that format and compare text (``kernel/bpf/helpers.c: bpf_bprintf_prepare``)."""

from __future__ import annotations

import re
from errno import EINVAL
from ipaddress import IPv4Address, IPv6Address

from spec.machine.fault import Trap
from spec.machine.memory import Memory

MAX_ARGUMENTS = 12
"""``MAX_BPRINTF_VARARGS``."""

_CONVERSION = re.compile(
    r"%(%|(?P<flags>[-0 #+]*\d*)(?P<length>ll|l|hh|h)?"
    r"(?P<letter>p[iI][46]|p[ku]s|p[Kx]|[a-zA-Z]))"
)


def trace_printk(
    memory: Memory, template: int, size: int, first: int, second: int, third: int
) -> int:
    """``bpf_trace_printk()``: formats with up to three arguments."""
    return _print(memory, template, size, [first, second, third])


def trace_vprintk(memory: Memory, template: int, size: int, data: int, length: int, _: int) -> int:
    """``bpf_trace_vprintk()``: formats with an array of 64-bit arguments."""
    values = _values(memory, data, length)
    return -EINVAL if values is None else _print(memory, template, size, values)


def snprintf(memory: Memory, to: int, size: int, template: int, data: int, length: int) -> int:
    """``bpf_snprintf()``: the length of the whole text with its final zero."""
    values = _values(memory, data, length)
    if values is None:
        return -EINVAL
    try:
        text = _formatted(memory, _string(memory, template), values)
    except (ValueError, IndexError):
        return -EINVAL
    room = size & 0xFFFFFFFF
    if room:
        memory.write(to, text.encode("latin-1")[: room - 1] + b"\0")
    return len(text) + 1


def strncmp(memory: Memory, left: int, size: int, right: int, *_: int) -> int:
    """``bpf_strncmp()``: -1, 0 or 1."""
    first = memory.read(left, size & 0xFFFFFFFF).split(b"\0")[0]
    second = _string(memory, right).encode("latin-1")[: size & 0xFFFFFFFF]
    return (first > second) - (first < second)


def _print(memory: Memory, template: int, size: int, values: list[int]) -> int:
    raw = memory.read(template, size & 0xFFFFFFFF)
    if not raw.endswith(b"\0"):
        return -EINVAL
    try:
        printed = _formatted(memory, raw.split(b"\0")[0].decode("latin-1"), values)
    except (ValueError, IndexError):
        return -EINVAL
    memory.host.printk(printed)
    return len(printed)


def _values(memory: Memory, data: int, length: int) -> list[int] | None:
    length &= 0xFFFFFFFF
    if length % 8 or length > 8 * MAX_ARGUMENTS:
        return None
    return [memory.load(data + offset, 8) for offset in range(0, length, 8)]


def _formatted(memory: Memory, template: str, values: list[int]) -> str:
    left = list(values)
    return _CONVERSION.sub(lambda match: _convert(memory, match, left), template)


def _convert(memory: Memory, match: re.Match[str], values: list[int]) -> str:
    if match.group(1) == "%":
        return "%"
    flags, length, letter = match.group("flags"), match.group("length"), match.group("letter")
    value = values.pop(0)
    if letter in ("s", "pks", "pus"):
        try:
            return _string(memory, value)
        except Trap:  # as after ``bpf_trace_copy_string()`` failed
            return ""
    if letter[0] == "p":
        return _address(memory, letter, value)
    if letter == "c":
        return chr(value & 0xFF)
    if letter not in "diuxX":
        raise ValueError(letter)
    bits = {"l": 64, "ll": 64, "h": 16, "hh": 8}.get(length, 32)
    value &= (1 << bits) - 1
    if letter in "di" and value >> bits - 1:
        value -= 1 << bits
    return f"%{flags}{'d' if letter in 'diu' else letter}" % value


def _address(memory: Memory, letter: str, value: int) -> str:
    """``%pI4`` and the like print what is at an address, others the address."""
    if letter == "pI4":
        return str(IPv4Address(memory.read(value, 4)))
    if letter == "pi4":
        return ".".join(f"{byte:03}" for byte in memory.read(value, 4))
    if letter in ("pI6", "pi6"):
        whole = IPv6Address(memory.read(value, 16)).exploded
        return whole if letter == "pI6" else whole.replace(":", "")
    return f"{value:#x}"


def _string(memory: Memory, address: int) -> str:
    data = b""
    while not data.endswith(b"\0"):
        data += memory.read(address + len(data), 1)
    return data[:-1].decode("latin-1")
