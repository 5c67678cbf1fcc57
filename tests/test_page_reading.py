# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reading pages: what is found on them, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec.errors import InputError
from spec.testing.page import Page, read_page
from tests.page_project import GOOD, HEAD, line_of

NAMED = ".. code-block:: c\n   :name: one\n\n   int one;\n"

MYST = """\
```{lab} eth0 eth1
```

```{code-block} c
:name: one

int one;
```

```{code-block} c
---
name: two
user:
---
int two;
```

```pycon
>>> 1 + 1
2
```

````{rule} a.sentence
:since: 5.3

It holds.

```pycon
>>> 2 + 2
4
```
````
"""


def write(folder: Path, text: str, name: str = "page.rst") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def read(folder: Path, text: str, name: str = "page.rst") -> Page:
    return read_page(write(folder, text, name), folder)


def test_examples_come_in_the_order_of_the_text_with_their_statements(tmp_path: Path) -> None:
    page = read(tmp_path, GOOD)
    assert [(e.name, e.kind, len(e.statements)) for e in page.examples] == [
        ("lab", "lab", 0),
        ("includes", "c", 0),
        ("ports", "c", 0),
        ("to_port", "c", 2),
        ("ports.hit", "rule", 1),
        ("ports.miss", "rule", 2),
    ]


def test_each_example_knows_its_line(tmp_path: Path) -> None:
    page = read(tmp_path, GOOD)
    for example, text in (("lab", ".. lab::"), ("ports.hit", ".. rule:: ports.hit")):
        assert page.example(example).line == line_of(page.path, text)
    assert page.example("ports").source_line == line_of(page.path, "struct {")
    statement = page.example("ports.hit").statements[0]
    assert statement.line == line_of(page.path, ">>> to_port.test_run")


def test_a_rule_has_a_sentence_and_a_release_range(tmp_path: Path) -> None:
    rule = read(tmp_path, GOOD).example("ports.hit")
    assert (rule.sentence, rule.since, rule.until) == ("A hit is a redirect.", "5.3", "")


def test_labs_are_numbered(tmp_path: Path) -> None:
    page = read(tmp_path, ".. lab:: eth0\n\n.. lab:: veth0--veth1\n")
    assert [(lab.name, lab.devices) for lab in page.labs] == [
        ("lab", ("eth0",)),
        ("lab-2", ("veth0--veth1",)),
    ]


def test_statements_after_a_rule_belong_to_the_block_before_it(tmp_path: Path) -> None:
    page = read(tmp_path, GOOD + "\nAnd so\n\n>>> 1\n1\n")
    assert [s.source for s in page.example("to_port").statements][-1] == "1\n"
    assert page.steps[-1].example.name == "to_port"


def test_statements_directly_after_a_lab_belong_to_it(tmp_path: Path) -> None:
    page = read(tmp_path, HEAD + "\n.. lab:: eth0\n\n>>> 1\n1\n")
    assert len(page.example("lab-2").statements) == 1


def test_the_bpf_file_is_every_block_in_order(tmp_path: Path) -> None:
    page = read(tmp_path, HEAD)
    assert page.bpf_source() == "\n\n".join(b.source for b in page.bpf_blocks) + "\n"
    first = page.bpf_blocks[0]
    assert page.bpf_source(lines=True).startswith(f'#line {first.source_line} "page.rst"\n#include')


def test_a_separate_object_holds_the_blocks_it_comes_after(tmp_path: Path) -> None:
    block = (
        ".. code-block:: c\n   :name: own\n   :object: own\n   :after: includes\n\n   int own;\n"
    )
    page = read(tmp_path, f"{HEAD}\n{block}")
    includes = page.example("includes").source
    assert page.object_source("own") == f"{includes}\n\nint own;\n"
    assert "int own;" not in page.bpf_source()


def test_a_myst_page_reads_like_a_rest_page(tmp_path: Path) -> None:
    page = read(tmp_path, MYST, "page.md")
    assert [(e.name, len(e.statements)) for e in page.examples] == [
        ("lab", 0),
        ("one", 0),
        ("two", 1),
        ("a.sentence", 1),
    ]
    assert page.example("two").user
    assert page.example("two").source_line == line_of(page.path, "int two;")
    assert page.example("two").statements[0].want == "2\n"
    assert page.example("two").statements[0].line == line_of(page.path, ">>> 1 + 1")


def test_markup_shown_in_a_code_block_is_not_read(tmp_path: Path) -> None:
    shown = ".. code-block:: rst\n\n   .. rule:: no\n\n   >>> 1\n   2\n"
    assert read(tmp_path, shown).examples == ()


def test_the_digest_changes_with_the_text_the_sentence_and_the_expected_output(
    tmp_path: Path,
) -> None:
    before = read(tmp_path, GOOD).example("ports.hit").digest
    assert len(before) == 16
    assert read(tmp_path, "Moved.\n\n" + GOOD).example("ports.hit").digest == before
    for old, new in (
        ("is a redirect", "is one"),
        ("   XDP_REDIRECT", "   XDP_DROP"),
        ("5.3", "5.4"),
    ):
        assert read(tmp_path, GOOD.replace(old, new)).example("ports.hit").digest != before


def test_indentation_does_not_reach_the_digest(tmp_path: Path) -> None:
    plain = read(tmp_path, f".. lab:: eth0\n\n{NAMED}").example("one")
    inner = "".join(f"   {line}" for line in f"\n{NAMED}".splitlines(keepends=True))
    nested = read(tmp_path, f".. lab:: eth0\n\n.. note::\n{inner}").example("one")
    assert (nested.digest, nested.source) == (plain.digest, plain.source)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (".. code-block:: c\n\n   int a;\n", 1, "unnamed c block"),
        (f".. lab:: eth0\n\n{NAMED}\n{NAMED}", 8, "duplicate name 'one'"),
        (
            ".. code-block:: c\n   :name: a\n   :hidden:\n\n   int a;\n",
            1,
            "unknown option :hidden:",
        ),
        (".. rule:: a.b\n   :form: 5.3\n\n   Yes.\n\n   >>> 1\n   1\n", 1, "unknown option :form:"),
        (".. lab:: eth0\n   :wide:\n", 1, "unknown option :wide: of lab"),
        (".. code-block:: c\n   :name: a\n\nint a;\n", 1, "empty block 'a'"),
        (">>> 1\n1\n\n.. lab:: eth0\n", 1, ">>> before any lab"),
        (NAMED, 1, "c 'one' on a page without a lab"),
        (".. lab:: eth0\n\n\tindented\n", 3, "tab character"),
        (".. code-block:: python\n\n   pass\n", 1, "python block"),
        (".. code-block:: C\n   :name: a\n\n   int a;\n", 1, "unsupported language 'C'"),
        (".. lab:: eth0\n\n.. rule:: a.b\n\n   Yes.\n", 3, "rule 'a.b' has no >>> example"),
        (".. rule:: a.b\n   :since: new\n\n   Yes.\n", 1, ":since: 'new' is not a release"),
        (".. rule:: a.b\n   :needs: luck\n\n   Yes.\n", 1, "unknown :needs: 'luck'"),
        (".. rule:: Rule\n\n   Yes.\n", 1, "'Rule' is no rule id"),
        (".. rule:: a.b\n\n   >>> 1\n   1\n", 1, "rule 'a.b' has no sentence"),
        (".. lab:: eth-0\n", 1, "'eth-0' cannot name a device here"),
        (".. lab:: eth0 eth0\n", 1, "two devices 'eth0'"),
        (".. lab:: eth0\n\n   text\n", 1, "a lab has no content"),
        ("* - .. code-block:: c\n       :name: a\n\n       int a;\n", 1, "would not be run"),
        (".. code-block:: c\n   :name: a\n   int a;\n", 3, "'int a;' directly below"),
        (".. lab:: eth0\n\n>>> if 1:\n...   1\n  1\n>>>2\n", 6, "lacks blank"),
        (
            ".. code-block:: c\n   :name: a\n   :after: b\n\n   int a;\n",
            1,
            ":after: without :object:",
        ),
        (
            ".. code-block:: c\n   :name: a\n   :object: a\n   :after: b\n\n   int a;\n"
            "\n.. lab:: eth0\n",
            1,
            ":after: names no BPF block 'b'",
        ),
        (
            ".. code-block:: c\n   :name: a\n   :user:\n   :object: a\n\n   int a;\n",
            1,
            ":user: and :object: exclude each other",
        ),
    ],
)
def test_what_could_not_be_run_is_refused_in_one_line(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert error.value.place == f"page.rst:{line}"
    assert problem in error.value.problem
    assert error.value.remedy
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("```{lab} eth0\n```\n\n```{code-block} c\n:name: a\n\nint a;\n", 4, "unclosed fence"),
        (":::{rule} a.b\nYes.\n:::\n", 1, "would not be run"),
        ("```c\nint a;\n```\n", 1, "unnamed c block"),
        ("```python\npass\n```\n", 1, "python block"),
        ("Text\n\n>>> 1\n", 3, ">>> outside a fence"),
        ("```pycon\nno prompt\n```\n", 1, "no >>> in a pycon block"),
    ],
)
def test_what_could_not_be_run_in_myst_is_refused_in_one_line(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text, "page.md")
    assert error.value.place == f"page.md:{line}"
    assert problem in error.value.problem


def test_a_page_of_prose_has_no_examples(tmp_path: Path) -> None:
    assert read(tmp_path, "Title\n=====\n\n.. code-block:: console\n\n   $ ls\n").examples == ()
