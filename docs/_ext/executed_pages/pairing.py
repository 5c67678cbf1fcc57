# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Brings together the page as Sphinx shows it and the page as it is run; they must be the same."""

from __future__ import annotations

from collections.abc import Iterator
from doctest import DocTestParser
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from executed_pages import session
from executed_pages.badges import evidence_row
from executed_pages.blocks import RUN, SHOWN, Block
from executed_pages.domain import Page, PagesDomain, Rule, pages_domain
from executed_pages.lab import LabFigure, lay_out_labs
from executed_pages.markup import Box
from executed_pages.reader import Statement, read
from executed_pages.rule import RuleCard
from spec.errors import InputError

log = logging.getLogger(__name__)

Owner = Box
"""A block, a rule or a lab: what ``>>>`` statements can belong to."""


def pair_page(app: Sphinx, document: nodes.document) -> None:
    """Number the labs, note the rules, give each ``>>>`` to its example, make room for badges."""
    docname = app.env.docname
    domain = pages_domain(app.env)
    lay_out_labs(document)
    _note_rules(domain, docname, document)
    _check_blocks(document)
    path = app.env.doc2path(docname)
    try:
        page, statements = read(Path(path), Path(app.srcdir))
    except InputError as error:
        place, _, line = error.place.rpartition(":")
        at = f"{path}:{line}" if place and line.isdigit() else str(path)
        log.warning("%s; %s", error.problem, error.remedy, location=at, type="page")
        return
    domain.pages[docname] = page
    owners = _owners(document, page)
    last = _give_statements(document, statements, owners)
    for name, owner in owners.items():
        _make_room(owner, last.get(name), name)


def _note_rules(domain: PagesDomain, docname: str, document: nodes.document) -> None:
    for card in document.findall(RuleCard):
        name, facts = card["example"], card["facts"]
        known = domain.rules.get(name)
        if known is not None:
            log.warning("rule %s is also on page %s", name, known.docname, location=card,
                        type="page", subtype="duplicate")  # fmt: skip
        sentence = next(card.findall(lambda node: "rule-sentence" in _classes(node)), None)
        if not isinstance(sentence, nodes.paragraph):
            log.warning("rule %s says nothing", name, location=card, type="page", subtype="empty")
            sentence = nodes.paragraph()
        domain.rules[name] = Rule(
            name, docname, card.line or 0, sentence.deepcopy(),
            facts["since"], facts["until"], facts["needs"],
        )  # fmt: skip


def _classes(node: nodes.Node) -> list[str]:
    return list(node["classes"]) if isinstance(node, nodes.Element) else []


def _sessions(document: nodes.document) -> Iterator[nodes.Element]:
    for node in document.findall(nodes.FixedTextElement):
        if isinstance(node, nodes.doctest_block) or node.get("language") == "pycon":
            yield node


def _check_blocks(document: nodes.document) -> None:
    for node in document.findall(nodes.literal_block):
        language = node.get("language", "default")
        if language in RUN and not isinstance(node.parent, Block):
            log.warning("code block without a :name:, which its evidence goes by", location=node,
                        type="page", subtype="unnamed")  # fmt: skip
        elif language not in (*RUN, *SHOWN, "pycon", session.NAME):
            log.warning("code in %s is never run; write it as >>> or as C", language,
                        location=node, type="page", subtype="language")  # fmt: skip


def _owners(document: nodes.document, page: Page) -> dict[str, Owner]:
    """What Sphinx shows, by name; warns about what only one of the two sees."""
    owners: dict[str, Owner] = {}
    for kind in (Block, RuleCard, LabFigure):
        for owner in document.findall(kind):
            name = owner["example"]
            if name in owners:
                log.warning("two things on this page are called %s", name, location=owner,
                            type="page", subtype="duplicate")  # fmt: skip
            owners[name] = owner
            excused = isinstance(owner, LabFigure) or _needs(owner)
            if name not in page.examples and not excused:
                log.warning("%s is shown, but would never run", name, location=owner,
                            type="page", subtype="unseen")  # fmt: skip
    for name, example in page.examples.items():
        if name not in owners:
            place = (_docname(document), example.line)
            log.warning("%s is run, but not shown", name, location=place,
                        type="page", subtype="unseen")  # fmt: skip
    return owners


def _needs(owner: Owner) -> bool:
    return isinstance(owner, RuleCard) and bool(owner["facts"]["needs"])


def _docname(document: nodes.document) -> str:
    return str(document.settings.env.docname)


def _give_statements(
    document: nodes.document, statements: list[Statement], owners: dict[str, Owner]
) -> dict[str, nodes.Element]:
    """The last session of each example, by its name; warns where the two readings part."""
    last: dict[str, nodes.Element] = {}
    ahead = iter(statements)
    for node in _sessions(document):
        for shown in DocTestParser().get_examples(node.astext()):
            run = next(ahead, None)
            if run is None or run.source.strip() != shown.source.strip():
                log.warning(">>> %s is shown here, but would never run", shown.source.strip(),
                            location=node, type="page", subtype="unseen")  # fmt: skip
                return last
            last[run.example] = node
        node["language"] = session.NAME
    if run := next(ahead, None):
        place = (_docname(document), run.line)
        log.warning(">>> %s is run, but not shown", run.source.strip(), location=place,
                    type="page", subtype="unseen")  # fmt: skip
    return {name: node for name, node in last.items() if name in owners}


def _make_room(owner: Owner, last: nodes.Element | None, name: str) -> None:
    row = evidence_row(name)
    if isinstance(owner, RuleCard):
        owner.children[-1].insert(0, row)  # type: ignore[attr-defined]
    elif last is None:
        owner += row
    else:
        last.parent.insert(last.parent.index(last) + 1, row)
