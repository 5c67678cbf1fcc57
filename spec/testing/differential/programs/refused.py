# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A program that is only loaded, and by one engine refused, as code that a person runs."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from spec.errors import InputError, KernelError
from spec.lab import Lab
from spec.testing.differential.programs.memory_file import loaded
from spec.testing.differential.script import OBJECT, PAGE

ASKED = f"sorted(lab.load({OBJECT}).programs)"
BODY = """\
{object} = compile_bpf(\"\"\"{source}\"\"\", "{object}")
with told("{asked}"):
    print("  {asked}:", {asked})
"""
BLOCK = """\
.. code-block:: c
   :name: {name}
   :object: {name}

{source}

"""


def body(source: str) -> str:
    """The body of ``reproduce``."""
    return BODY.format(object=OBJECT, source=source, asked=ASKED)


def fragment(source: str, content: bytes, id: str, kernel: Callable[[], Lab]) -> str:
    """Part of a page that says what a lab of *kernel* makes of *source*, compiled to *content*."""
    block = BLOCK.format(name=OBJECT, source=textwrap.indent(source.strip(), "   "))
    with kernel() as lab, lab.inside():
        example = f">>> {ASKED}\n{_answer(content, lab)}"
        release = lab.release
    return PAGE.format(block=block, id=id, release=release, example=textwrap.indent(example, "   "))


def _answer(content: bytes, lab: Lab) -> str:
    try:
        with loaded(lab, content) as made:
            return repr(sorted(made.programs))
    except (InputError, KernelError) as error:
        return f"Traceback (most recent call last):\n  ...\n{type(error).__name__}: {error}"
