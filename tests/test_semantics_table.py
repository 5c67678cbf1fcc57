# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The table of observed rules is complete and true about itself."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from spec.errors import InputError
from spec.testing.semantics import ids_in_order, proofs, read_statements, resolve

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "semantics"
STATEMENTS = read_statements(TABLE)
PROOFS = proofs(ROOT / "tests")


def rules_on_pages() -> set[str]:
    pages = (path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.rst"))
    return {name for page in pages for name in re.findall(r"^\.\. rule:: (\S+)", page, re.M)}


@pytest.mark.parametrize("id", STATEMENTS)
def test_the_function_that_states_a_rule_is_there(id: str) -> None:
    function = STATEMENTS[id].function
    assert function.startswith("spec.")
    assert not function.startswith("spec.testing.")
    assert resolve(function) is not None


def test_every_rule_that_can_be_observed_is_proven_by_a_test() -> None:
    unproven = [
        id
        for id, statement in STATEMENTS.items()
        if not statement.not_observed and id not in PROOFS
    ]
    assert unproven == []


def test_no_rule_that_a_test_proves_is_called_unobservable() -> None:
    assert [id for id in PROOFS if id in STATEMENTS and STATEMENTS[id].not_observed] == []


def test_every_rule_that_a_test_names_is_in_the_table() -> None:
    assert sorted(set(PROOFS) - set(STATEMENTS)) == []


def test_two_statements_share_a_dotted_rule_only_if_a_page_has_it() -> None:
    uses = Counter(statement.rule for statement in STATEMENTS.values())
    shared = {rule for rule, count in uses.items() if count > 1}
    assert sorted(shared - rules_on_pages()) == []


@pytest.mark.parametrize("path", sorted(TABLE.glob("*.toml")), ids=lambda path: path.name)
def test_ids_are_sorted(path: Path) -> None:
    ids = ids_in_order(path)
    assert ids == sorted(ids)


def test_every_statement_is_a_sentence() -> None:
    assert [
        id for id, each in STATEMENTS.items() if not re.fullmatch(r"\S.*\.", each.sentence)
    ] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("C-01 = 5", "outside a table"),
        ('["C-01"]\nsentence = "It is."', "lacks rule"),
        ('["C-01"]\nsentence = "It is."\nrule = "a.b"\nfunction = "spec"\nwhy = ""', "has why"),
        ('["C-01"]\nsentence = "It is."\nrule = "Devmap"\nfunction = "spec"', "rule 'Devmap'"),
        ("[", "not TOML"),
    ],
)
def test_an_unusable_table_is_told_in_one_line(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "table.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=problem) as caught:
        read_statements(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_id_is_stated_once(tmp_path: Path) -> None:
    for name in ("one.toml", "other.toml"):
        text = '["C-01"]\nsentence = "It is."\nrule = "a.b"\nfunction = "spec.lab"\n'
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="again"):
        read_statements(tmp_path)


def test_a_function_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such function"):
        resolve("spec.maps.devmap.nothing")
    (tmp_path / "test_one.py").write_text(
        '@pytest.mark.semantics("C-01", "C-02")\ndef test_it() -> None: ...\n', encoding="utf-8"
    )
    assert proofs(tmp_path) == {"C-01": ["test_one.py::test_it"], "C-02": ["test_one.py::test_it"]}
