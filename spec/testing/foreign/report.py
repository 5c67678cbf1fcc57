# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The judgements for a terminal, page by page, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from click import style

from spec.testing.foreign.record import account, counts
from spec.testing.foreign.verdict import FINE, UNTOLD, Judgement, Verdict

MARGIN = " " * 2


def lines(judgements: Sequence[Judgement], pages: int, where: str, width: int) -> Iterator[str]:
    """A line for each block under its page, and the counts; *where* says what loaded them."""
    widest = max((len(each.verdict.value) for each in judgements), default=0)
    for page, group in groupby(judgements, key=lambda each: each.page):
        blocks = list(group)
        yield style(page, bold=True)
        places = max(len(_place(each)) for each in blocks)
        names = max(len(_name(each)) for each in blocks)
        for each in blocks:
            head = f"{_place(each):{places}}  {each.verdict.value:{widest}}  {_name(each):{names}}"
            told = _message(each)
            room = max(20, width - len(head) - 2 * len(MARGIN))
            told = told if len(told) <= room else f"{told[: room - 1]}…"
            before, verdict, after = head.partition(each.verdict.value)
            coloured = style(verdict, fg=_colour(each.verdict))
            yield f"{MARGIN}{before}{coloured}{after}{MARGIN}{told}".rstrip()
        yield ""
    yield f"{_number(pages, 'page')}, {_number(len(judgements), 'C block')}, {where}"
    found = counts(judgements)
    parts = ((verdict, found[verdict.key]) for verdict in Verdict)
    yield ", ".join(
        style(f"{number} {verdict.value}", fg=_colour(verdict))
        for verdict, number in parts
        if number
    )


def document(judgements: Sequence[Judgement], where: Mapping[str, object], status: int) -> str:
    """One JSON object: where it ran, the counts, and every block."""
    whole = {
        **where,
        "status": status,
        "summary": counts(judgements),
        "blocks": [account(each) for each in judgements],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False)


def _place(judgement: Judgement) -> str:
    return f"{judgement.page}:{judgement.at}"


def _name(judgement: Judgement) -> str:
    return judgement.name or judgement.kind.value


def _message(judgement: Judgement) -> str:
    added = f"with {judgement.additions}" if judgement.additions else ""
    return "; ".join(filter(None, (judgement.message, added, judgement.loaded)))


def _colour(verdict: Verdict) -> str:
    return "green" if verdict in FINE else "yellow" if verdict in UNTOLD else "red"


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
