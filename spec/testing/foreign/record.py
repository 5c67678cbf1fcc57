# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a run found, as data without any of the pages' text: places and verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spec.errors import InputError
from spec.testing.foreign.verdict import Judgement, Verdict


def account(judgement: Judgement) -> dict[str, Any]:
    """One block as JSON has it."""
    return {
        "page": judgement.page,
        "line": judgement.line,
        "last_line": judgement.last_line,
        "name": judgement.name,
        "kind": judgement.kind.value,
        "verdict": judgement.verdict.key,
        "at": judgement.at,
        "message": judgement.message,
        "headers": list(judgement.headers),
        "joined": list(judgement.joined),
        "licensed": judgement.licensed,
        "loaded": judgement.loaded,
    }


def counts(judgements: Iterable[Judgement]) -> dict[str, int]:
    """How many blocks came to each verdict."""
    found = [judgement.verdict for judgement in judgements]
    return {verdict.key: found.count(verdict) for verdict in Verdict}


def record_text(
    judgements: Iterable[Judgement], where: Mapping[str, object], path: Path
) -> str | None:
    """The text for a record at *path*; ``None`` if what is there says the same already.

    *where* tells of the run: its date, its engine, its compilers, the pages it read.
    """
    blocks = [account(judgement) for judgement in judgements]
    if path.is_file():
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            if (known["pages"], known["blocks"]) == (where["pages"], blocks):
                return None
        except (OSError, ValueError, KeyError, TypeError):
            pass  # whatever it is, it is replaced
    return json.dumps({**where, "blocks": blocks}, indent=1, ensure_ascii=False) + "\n"


def read_record(path: Path) -> dict[str, Any]:
    """A record as it was written; ``InputError`` for anything else."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        pages = set(record["pages"])
        for block in record["blocks"]:
            if block["page"] not in pages:
                raise ValueError(block)
            Verdict[block["verdict"].upper()]
            if not isinstance(block["line"], int) or not isinstance(block["message"], str):
                raise TypeError(block)
        return record
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = "write it anew with `xdpspec pages FOLDER --record FILE`"
        raise InputError(str(path), f"not a record ({type(error).__name__})", remedy) from None
