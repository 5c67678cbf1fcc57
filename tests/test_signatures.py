# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What C functions take and return, as their compiler tells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spec.testing import toolchain
from spec.testing.compiler import compile_user
from spec.testing.signatures import function_declarations

INLINED = """
#include <stdio.h>
int report(const char *what, int error)
{
    if (error < 0)
        fprintf(stderr, "%s: %d", what, error);
    return error;
}
int report_twice(int error) { return report("once", error) + report("twice", error); }
"""


@pytest.fixture(params=["installed", "ziglang"])
def compiler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The compiler that is installed, if any, and the one from the package."""
    toolchain.user_compiler.cache_clear()
    if request.param == "ziglang":
        monkeypatch.delenv("CC", raising=False)
        monkeypatch.setattr("shutil.which", lambda _: None)
    yield
    toolchain.user_compiler.cache_clear()


@pytest.mark.usefixtures("compiler")
def test_a_function_that_was_also_inlined_is_declared_like_any_other() -> None:
    declared = function_declarations(compile_user(INLINED, "inlined"))
    assert declared["report"] == "int32_t report(char *, int32_t);"
    assert declared["report_twice"] == "int32_t report_twice(int32_t);"
