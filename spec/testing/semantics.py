# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The observed rules: what they say, where the model states them, which tests prove them.

Statements are in ``docs/semantics/*.toml``, a table for each id. Tests name the ids that they
prove with ``@pytest.mark.semantics("C-01")``.
"""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spec.errors import InputError

MARKER = "semantics"
NEEDED, OPTIONAL = ("sentence", "rule", "function"), ("not_observed", "found")

_RULE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


class Statement(NamedTuple):
    """One observed rule.

    ``rule`` is its dotted id in the project, ``function`` the dotted Python name of what states it
    in the model. ``not_observed`` says why no test can show it, ``found`` what an experiment
    settled; both may be empty.
    """

    id: str
    sentence: str
    rule: str
    function: str
    not_observed: str = ""
    found: str = ""


def read_statements(folder: Path) -> dict[str, Statement]:
    """The statements of all files in *folder* by id, sorted; ``InputError`` for an unusable one."""
    statements: dict[str, Statement] = {}
    for path in sorted(folder.glob("*.toml")):
        for statement in _read(path):
            if statement.id in statements:
                raise InputError(path.name, f"states {statement.id} again", "state it once")
            statements[statement.id] = statement
    return dict(sorted(statements.items()))


def ids_in_order(path: Path) -> list[str]:
    """The ids of one file as they stand there."""
    return [statement.id for statement in _read(path)]


def proofs(folder: Path) -> dict[str, list[str]]:
    """The tests that prove each id, as ``file::test``, found by reading the files in *folder*."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), path.name)
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                for id in _ids(function):
                    found.setdefault(id, []).append(f"{path.name}::{function.name}")
    return found


def resolve(function: str) -> object:
    """What the dotted Python name *function* stands for; ``InputError`` if nothing does."""
    parts = function.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
        if found is not None:
            return found
    raise InputError(function, "no such function", "give its dotted name")


def _read(path: Path) -> Iterator[Statement]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(path.name, f"not TOML: {error}", "correct it") from None
    for id, members in content.items():
        place = f"{path.name}: {id}"
        if not isinstance(members, dict):
            raise InputError(place, "stands outside a table", f'put it under ["{id}"]')
        wrong = [name for name in members if name not in NEEDED + OPTIONAL]
        missing = [name for name in NEEDED if not members.get(name)]
        if wrong or missing:
            problem = f"has {wrong[0]}" if wrong else f"lacks {missing[0]}"
            raise InputError(place, problem, f"give {', '.join(NEEDED)}")
        if not _RULE.fullmatch(members["rule"]):
            raise InputError(place, f"rule {members['rule']!r}", "name it like devmap.create")
        yield Statement(id, **members)


def _ids(function: ast.FunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and _is_marker(decorator.func):
            for argument in decorator.args:
                if isinstance(argument, ast.Constant):
                    yield str(argument.value)


def _is_marker(name: ast.expr) -> bool:
    return ast.unparse(name) == f"pytest.mark.{MARKER}"
