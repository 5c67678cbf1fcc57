# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs the user-space C of a page, unchanged, on either engine.

The code is linked to ``user/calls.c``, whose table this module fills: with libbpf's own functions
where the engine has libbpf (``lab.native_call(name)``), else with ``spec.testing.libbpf``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cffi import FFI

from spec.errors import InputError, KernelError
from spec.lab import Lab
from spec.testing.libbpf import Libbpf
from spec.testing.signatures import function_declarations

FOLDER = Path(__file__).parent / "user"
CALLS_SOURCE, CALLS_HEADER = FOLDER / "calls.c", FOLDER / "calls.h"

_LIBC = """
    extern void *stdout;
    int fflush(void *);
    int setvbuf(void *, char *, int, size_t);
    unsigned int if_nametoindex(const char *);
    char *if_indextoname(unsigned int, char *);
"""
_LINE_BUFFERED = 1


class UserProgram:
    """One lab's own copy of a page's shared object, with variables of its own.

    *objects* lie in the folder in which its functions run, under their own names.
    """

    def __init__(self, shared_object: Path, lab: Lab, objects: Mapping[str, Path]) -> None:
        self.lab = lab
        self._ffi: Any = FFI()
        self._ffi.cdef(CALLS_HEADER.read_text())
        self._ffi.cdef(_LIBC)
        declarations = function_declarations(shared_object)
        for declaration in declarations.values():
            if declaration:
                self._ffi.cdef(declaration)
        with ExitStack() as resources:
            folder = resources.enter_context(tempfile.TemporaryDirectory(prefix="xdpspec-"))
            self.folder = Path(folder)
            for name, path in objects.items():
                shutil.copy(path, self.folder / name)
            self._library = self._open_copy(shared_object)
            resources.callback(self._ffi.dlclose, self._library)
            self._close = resources.pop_all()
        libc: Any = self._ffi.dlopen(None)
        self._libc = libc
        libc.setvbuf(libc.stdout, self._ffi.NULL, _LINE_BUFFERED, 0)
        self._trouble: Exception | None = None
        self._alive: list[Any] = []
        self._fill_table()
        self.functions = {
            name: CFunction(self, name, declaration) for name, declaration in declarations.items()
        }

    def close(self) -> None:
        """Unload the code and remove the folder."""
        self._close.close()

    def _open_copy(self, shared_object: Path) -> Any:
        copy = self.folder / shared_object.name
        shutil.copy(shared_object, copy)
        library = self._ffi.dlopen(str(copy), self._ffi.RTLD_NOW | self._ffi.RTLD_LOCAL)
        copy.unlink()
        return library

    def _fill_table(self) -> None:
        table = self._library.xdpspec_calls
        native = getattr(self.lab, "native_call", None)
        offered = Libbpf(self._ffi, self.lab)
        for name, field in self._ffi.typeof("struct xdpspec_calls").fields:
            if native is None:
                function = self._ffi.callback(field.type, self._guarded(offered, name, field))
                self._alive.append(function)
            else:
                address = native(name) or getattr(self._libc, name)
                function = self._ffi.cast(field.type, address)
            setattr(table, name, function)

    def _guarded(self, offered: Libbpf, name: str, field: Any) -> Callable[..., Any]:
        """*name* of *offered*, failing as libbpf 1.x does: negative errno or NULL, and errno."""
        result = field.type.result
        function = getattr(offered, name, None)

        def call(*arguments: Any) -> Any:
            try:
                if function is None:
                    raise InputError(name, "is not available on the model", "use another call")
                return function(*arguments)
            except KernelError as error:
                code = error.errno or 0
            except Exception as error:  # told once the C function is back: it cannot pass C
                self._trouble = error
                code = 22
            self._ffi.errno = code
            if result.kind == "void":
                return None
            if result.kind == "pointer":
                return self._ffi.NULL
            return 0 if result.cname.startswith("unsigned") else -code

        return call

    @contextmanager
    def running(self) -> Iterator[None]:
        """The state in which C functions run; what they wrote is printed afterwards."""
        self._libc.fflush(self._ffi.NULL)
        before = os.getcwd()  # noqa: PTH109
        with tempfile.TemporaryFile() as written:
            saved = [(number, os.dup(number)) for number in (1, 2)]
            try:
                os.chdir(self.folder)
                for number, _ in saved:
                    os.dup2(written.fileno(), number)
                with self.lab.inside():
                    yield
            finally:
                self._libc.fflush(self._ffi.NULL)
                for number, copy in saved:
                    os.dup2(copy, number)
                    os.close(copy)
                os.chdir(before)
            written.seek(0)
            print(written.read().decode(errors="replace"), end="")  # noqa: T201
        trouble, self._trouble = self._trouble, None
        if trouble:
            raise trouble


class CFunction:
    """A C function of a page, callable with numbers, text and bytes."""

    def __init__(self, program: UserProgram, name: str, declaration: str | None) -> None:
        self._program, self.__name__, self._declaration = program, name, declaration

    def __call__(self, *arguments: object) -> object:
        if self._declaration is None:
            problem = "takes or returns what Python cannot pass"
            raise InputError(self.__name__, problem, "use numbers and pointers")
        ffi = self._program._ffi
        function = getattr(self._program._library, self.__name__)
        passed = [a.encode() if isinstance(a, str) else a for a in arguments]
        passed = [ffi.from_buffer(a) if isinstance(a, bytearray) else a for a in passed]
        with self._program.running():
            result = function(*passed)
        if not isinstance(result, ffi.CData):
            return result
        if result == ffi.NULL:
            return None
        if ffi.typeof(result).cname == "char *":
            return ffi.string(result).decode(errors="replace")
        return int(ffi.cast("uintptr_t", result))

    def __repr__(self) -> str:
        return f"<C function {self.__name__}>"
