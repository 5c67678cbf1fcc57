# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``.. published-table::``: what runs of ``xdpspec pages --record`` found in published pages."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

from executed_pages.overview import table
from spec.errors import InputError
from spec.testing.foreign.record import read_record
from spec.testing.foreign.verdict import FINE, UNTOLD, Verdict

HEADER = ("Block", "Verdict", "What there is to say")
NOTES = "notes.toml"
"""What we say of blocks, in our own words; each note names them by page, name or kind."""


class PublishedTableDirective(SphinxDirective):
    """A table for each record in ``docs/published``, the newest package first."""

    has_content = False
    option_spec: ClassVar[OptionSpec] = {}

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir) / "published"
        notes = self._notes(folder / NOTES)
        used: set[int] = set()
        shown: list[nodes.Node] = []
        for path in sorted(folder.glob("*.json"), reverse=True):
            self.env.note_dependency(str(path))
            try:
                record = read_record(path)
            except InputError as error:
                raise self.error(str(error)) from error
            shown += self._record(path.stem, record, notes, used)
        if unused := [note for place, note in enumerate(notes) if place not in used]:
            raise self.error(f"{NOTES}: no record has a block for {unused[0]}; remove the note")
        return shown

    def _notes(self, path: Path) -> list[dict[str, str]]:
        self.env.note_dependency(str(path))
        try:
            notes: list[dict[str, str]] = tomllib.loads(path.read_text(encoding="utf-8"))["note"]
        except (OSError, ValueError, KeyError) as error:
            raise self.error(f"{path.name}: can't be used ({error}); see the others") from error
        return notes

    def _record(
        self,
        package: str,
        record: Mapping[str, Any],
        notes: list[dict[str, str]],
        used: set[int],
    ) -> Iterator[nodes.Node]:
        blocks = record["blocks"]
        yield nodes.paragraph("", "", nodes.strong("", package.replace("_", " ")))
        yield nodes.paragraph("", _run(record))
        yield nodes.paragraph("", "", *_counts(record))
        rows = [self._row(block, notes, used) for block in blocks]
        yield table(HEADER, rows, ["published"])

    def _row(
        self, block: Mapping[str, Any], notes: list[dict[str, str]], used: set[int]
    ) -> list[list[nodes.Node]]:
        verdict = Verdict[block["verdict"].upper()]
        told = list(_told(block))
        note = _note(block, notes)
        if note is not None:
            used.add(note)
            told += self.parse_text_to_nodes(notes[note]["text"])
        elif verdict not in (*FINE, Verdict.NOT_JUDGED):
            place = f"{block['page']}:{block['at']}"
            raise self.error(f"{NOTES}: nothing about {place} ({block['name']}); add a note")
        return [_block(block), [nodes.paragraph("", "", _badge(verdict))], [*told]]


def _block(block: Mapping[str, Any]) -> list[nodes.Node]:
    kind = [nodes.inline("", block["kind"], classes=["kind"])]
    name = [nodes.literal("", block["name"]), nodes.Text(" ")] if block["name"] else []
    return [
        nodes.paragraph("", f"{block['page']}:{block['at']}"),
        nodes.paragraph("", "", *name, *kind),
    ]


def _run(record: Mapping[str, Any]) -> str:
    return (
        f"Programs were loaded on the {record['engine']}, Linux {record['release']}; "
        f"compiled by {record['BPF compiler']} and {record['C compiler']}; {record['date']}."
    )


def _counts(record: Mapping[str, Any]) -> Iterator[nodes.Node]:
    blocks = record["blocks"]
    counted = Counter(Verdict[block["verdict"].upper()] for block in blocks)
    yield nodes.Text(f"{len(record['pages'])} pages, {len(blocks)} C blocks: ")
    parts = [(verdict, counted[verdict]) for verdict in Verdict]
    for verdict, number in parts:
        if number or verdict is Verdict.FINE:
            yield nodes.inline("", f"{number} {verdict.value}", classes=[_look(verdict)])
            yield nodes.Text(", ")
    without = sorted(set(record["pages"]) - {block["page"] for block in blocks})
    yield nodes.Text(f"none in {', '.join(without)}." if without else "none without a verdict.")


def _told(block: Mapping[str, Any]) -> Iterator[nodes.Node]:
    """The run's own words: the message, what was added, what was loaded."""
    if block["message"] and block["verdict"] != Verdict.NOT_JUDGED.key:
        yield nodes.paragraph("", f"{block['message']}.")
    added: list[nodes.Node] = [nodes.literal("", f"<{header}>") for header in block["headers"]]
    added += [nodes.Text(f"the block of line {line}") for line in block["joined"]]
    added += [nodes.Text("a licence")] if block["licensed"] else []
    if added:
        commas = [nodes.Text(", ") for _ in added[1:]]
        listed = [
            node for pair in zip(added, [*commas, nodes.Text(".")], strict=True) for node in pair
        ]
        yield nodes.paragraph("", "", nodes.Text("Added: "), *listed)
    if block["loaded"]:
        yield nodes.paragraph("", f"Loaded: {block['loaded']}.")


def _note(block: Mapping[str, Any], notes: list[dict[str, str]]) -> int | None:
    """Which note is about *block*: the first whose page, name and kind are the block's."""
    for place, note in enumerate(notes):
        if all(block[key] == note[key] for key in ("page", "name", "kind") if key in note):
            return place
    return None


def _badge(verdict: Verdict) -> nodes.inline:
    return nodes.inline("", verdict.value, classes=["verdict", _look(verdict)])


def _look(verdict: Verdict) -> str:
    return "held" if verdict in FINE else "untold" if verdict in UNTOLD else "failed"
