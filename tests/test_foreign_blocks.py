# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""C blocks are found in whatever markup they are written, at their true lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec.testing.foreign.blocks import ForeignBlock, c_blocks
from spec.testing.foreign.tree import ForeignPage


def found(text: str, name: str) -> list[ForeignBlock]:
    return c_blocks(ForeignPage(Path("/tree", name), Path("/tree"), name, text))


def places(text: str, name: str) -> list[tuple[int, int, str]]:
    """Line of the markup, first line of C, and the C."""
    return [(block.line, block.source_line, block.source) for block in found(text, name)]


@pytest.mark.parametrize("directive", ["code-block", "code", "sourcecode"])
def test_the_directives_of_rest_are_found(directive: str) -> None:
    text = f"Text\n\n.. {directive}:: c\n   :linenos:\n\n   int x;\n   int y;\n\nText\n"
    assert places(text, "a.rst") == [(3, 6, "int x;\nint y;")]


def test_a_block_at_the_end_of_a_page_is_found() -> None:
    assert places(".. code-block:: c\n\n   int x;", "a.rst") == [(1, 3, "int x;")]


def test_an_empty_block_does_not_take_what_follows() -> None:
    text = ".. code-block:: c\n\n.. c:function::\n   int f(void);\n"
    (block,) = found(text, "a.rst")
    assert (block.source, block.code.is_empty) == ("", True)


def test_blocks_in_notes_and_lists_are_found() -> None:
    text = (
        ".. note::\n\n   .. code-block:: c\n\n      int x;\n\n"
        "- item\n\n  .. code-block:: C\n\n     int y;\n"
    )
    assert places(text, "a.rst") == [(3, 5, "int x;"), (9, 11, "int y;")]


def test_tabs_indent_as_they_do_in_rest() -> None:
    text = ".. code-block:: c\n\n\tint f(void)\n\t{\n\t\treturn 0;\n\t}\n"
    assert places(text, "a.rst") == [(1, 3, "int f(void)\n{\n        return 0;\n}")]


def test_what_a_page_shows_of_markup_is_no_block() -> None:
    text = ".. code-block:: rst\n\n   .. code-block:: c\n\n      int x;\n"
    assert places(text, "a.rst") == []
    assert places("````markdown\n```c\nint x;\n```\n````\n", "a.md") == []


def test_other_languages_are_left_alone() -> None:
    assert places(".. code-block:: console\n\n   ls\n", "a.rst") == []
    assert places("```cpp\nint x;\n```\n\n```\nint y;\n```\n", "a.md") == []


@pytest.mark.parametrize(
    "info", ["c", "C", "c title='x'", "{.c}", "{.c .numberLines}", "{code-block} c", "{code} c"]
)
def test_the_fences_of_markdown_are_found(info: str) -> None:
    assert places(f"# T\n\n```{info}\nint x;\n```\n", "a.md") == [(3, 4, "int x;")]


def test_fences_of_tildes_in_lists_and_quotes_are_found() -> None:
    text = "1. one\n\n   ~~~c\n   int x;\n   ~~~\n\n> ```c\n> int y;\n> ```\n"
    assert places(text, "a.md") == [(3, 4, "int x;"), (7, 8, "int y;")]


def test_a_fence_in_a_note_is_found() -> None:
    text = "````{note}\nSee:\n\n```c\nint x;\n```\n````\n"
    assert places(text, "a.md") == [(4, 5, "int x;")]


def test_options_of_myst_are_no_code() -> None:
    short = "```{code-block} c\n:linenos:\n:name: x\n\nint x;\n```\n"
    assert places(short, "a.md") == [(1, 5, "int x;")]
    yaml = "```{code-block} c\n---\nlinenos: true\n---\nint x;\n```\n"
    assert places(yaml, "a.md") == [(1, 5, "int x;")]


def test_a_colon_fence_is_not_passed_over_in_silence() -> None:
    (block,) = found(":::{code-block} c\nint x;\n:::\n", "a.md")
    assert (block.line, block.hidden) == (1, True)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("struct { int x; } ports SEC(\".maps\");", "ports"),
        ("struct pair { int x; };", "pair"),
        ("int count = 3;", "count"),
        ("int table[3];", "table"),
        ("char LICENSE[] SEC(\"license\") = \"GPL\";", "LICENSE"),
        ("#define SIZE 3", "SIZE"),
        ("SEC(\"xdp\") int f(struct xdp_md *c) { return 0; }\nint last;", "f"),
        ("SEC(\"lsm/x\") int BPF_PROG(g, int x) { return 0; }", "g"),
    ],
)  # fmt: skip
def test_a_block_is_called_by_what_it_defines(source: str, name: str) -> None:
    (block,) = found(f"```c\n{source}\n```\n", "a.md")
    assert block.name == name
