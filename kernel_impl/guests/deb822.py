# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Stanzas of ``Key: value`` lines, as apt's sources and a package index have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

Stanza = Mapping[str, str]


def stanzas(lines: Iterable[str]) -> Iterator[Stanza]:
    """Each stanza with its keys in small letters; a value keeps its line breaks."""
    found: dict[str, str] = {}
    key = ""
    for line in lines:
        text = line.rstrip("\n")
        if not text.strip():
            if found:
                yield found
            found, key = {}, ""
        elif text.startswith("#"):
            continue
        elif text[0] in " \t":
            if key:
                found[key] += f"\n{text}"
        else:
            name, _, value = text.partition(":")
            key = name.strip().lower()
            found[key] = value.strip()
    if found:
        yield found
