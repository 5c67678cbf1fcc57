# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the kernel, or the model in its place, answers to something it does not do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spec.errors import KernelError, errno_name


def refusal(operation: Callable[..., object], *arguments: object, **options: object) -> str:
    """The name of the errno with which *operation* is refused."""
    with pytest.raises(KernelError) as caught:
        operation(*arguments, **options)
    return errno_name(caught.value.errno or 0)


def whole_refusal(operation: Callable[..., object], *arguments: object) -> str:
    """All that is answered: the name of the errno, and words if there are any."""
    with pytest.raises(KernelError) as caught:
        operation(*arguments)
    return str(caught.value)
