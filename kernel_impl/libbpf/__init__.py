# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""libbpf.so.1 and the C library through cffi's ABI mode: nothing to compile, opened when used."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from cffi import FFI

from kernel_impl.libbpf import bpf_h, btf_h, libbpf_h, libc_h, perf_buffer_h, uapi_bpf_h
from spec.errors import KernelError

LIBRARY = "libbpf.so.1"
_DECLARED = re.compile(r"^\w[\w ]*[ *](\w+)\(", re.MULTILINE)
"""A function of a header, at the beginning of a line."""

ffi: Any = FFI()
for header in (libc_h, uapi_bpf_h, bpf_h, btf_h, libbpf_h, perf_buffer_h):
    ffi.cdef(header.TEXT)


@cache
def libc() -> Any:
    """The C library of this process."""
    return ffi.dlopen(None)


@cache
def libbpf() -> Any:
    """Libbpf, its messages kept (``messages()``) instead of printed; ``OSError`` without it.

    One that lacks a function that we call is as good as none.
    """
    library = ffi.dlopen(LIBRARY)
    for header in (bpf_h, btf_h, libbpf_h, perf_buffer_h):
        for name in _DECLARED.findall(header.TEXT):
            if not hasattr(library, name):
                raise OSError(f"it lacks {name}()")
    library.libbpf_set_print(_PRINT)
    return library


def function_address(name: str) -> int | None:
    """Where libbpf has the function *name*, for C code that calls it; ``None`` if it has none."""
    libbpf()
    symbols: Any = FFI()
    symbols.cdef(f"void {name}(void);")
    try:
        return int(symbols.cast("uintptr_t", symbols.addressof(symbols.dlopen(LIBRARY), name)))
    except AttributeError:
        return None


def check(result: int, reason: str = "") -> int:
    """*result*, or the error that a negative one stands for.

    libbpf returns a negative errno; the C library returns -1 and leaves the errno aside, which
    is ``check_errno()``.
    """
    if result < 0:
        raise KernelError(-result, reason)
    return result


def check_errno(result: Any) -> Any:
    """*result* of a call that reports -1 or NULL and leaves the reason in errno."""
    failed = result == ffi.NULL if isinstance(result, FFI.CData) else result < 0
    if failed:
        raise KernelError(ffi.errno)
    return result


def opts(structure: str, **fields: Any) -> Any:
    """A libbpf options structure, which begins with its own size."""
    return ffi.new(f"struct {structure} *", {"sz": ffi.sizeof(f"struct {structure}"), **fields})


def text(pointer: Any) -> str:
    """A C string as Python's; empty for NULL."""
    if pointer == ffi.NULL:
        return ""
    found: bytes = ffi.string(pointer)
    return found.decode(errors="replace")


_LINE = 1024
_messages: list[str] = []


def messages() -> list[str]:
    """What libbpf wanted to print since this was last asked."""
    taken = _messages.copy()
    _messages.clear()
    return taken


def _keep_message(level: int, format: Any, arguments: Any) -> int:
    # va_list is an array on x86-64 and passed by reference on arm64: a pointer either way.
    if level > 0:
        return 0
    line = ffi.new("char[]", _LINE)
    length: int = libc().vsnprintf(line, _LINE, format, arguments)
    del _messages[: -_LINE + 1]
    _messages.append(text(line).removeprefix("libbpf: ").rstrip())
    return length


_PRINT = ffi.callback("libbpf_print_fn_t", _keep_message)
