# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The two ways in which something can go wrong, as the rest of the project names them."""

from __future__ import annotations

import errno

ENOTSUPP = 524
"""The kernel's own "not supported", which no C library has a name for."""

_NAMES = {**errno.errorcode, ENOTSUPP: "ENOTSUPP", errno.EOPNOTSUPP: "EOPNOTSUPP"}


def errno_name(code: int) -> str:
    """The UAPI spelling of a positive errno, or its number where it has none."""
    return _NAMES.get(code, str(code))


class KernelError(OSError):
    """The kernel, or the model in its place, refused an operation.

    ``errno`` is positive. The text is the errno's name, followed by the reason where the kernel
    gives one (the verifier's message, a netlink extended acknowledgement).
    """

    log = ""
    """The verifier's whole log, where a program was refused."""

    index: int | None = None
    """The instruction at which a program was refused, where there is one."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.reason = reason
        self.source = ""
        """The line of a refused program, as the verifier's log has it: ``; text @ file:line``."""

    def __reduce__(self) -> tuple[type[KernelError], tuple[int, str]]:
        return KernelError, (self.errno or 0, self.reason)

    def __str__(self) -> str:
        name = errno_name(self.errno or 0)
        return f"{name}: {self.reason}" if self.reason else name


class CannotTellError(Exception):
    """The engine has no way to answer this here: one line saying why and what helps."""


class InputError(Exception):
    """Something handed to our own tools is unusable: one line saying where, what and the remedy."""

    def __init__(self, place: str, problem: str, remedy: str) -> None:
        super().__init__(place, problem, remedy)
        self.place, self.problem, self.remedy = place, problem, remedy

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}; {self.remedy}"
