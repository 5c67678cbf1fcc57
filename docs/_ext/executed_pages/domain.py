# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the site knows about its pages: their rules, their examples and the files they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.domains import Domain, ObjType
from sphinx.util.nodes import make_refnode

from executed_pages.evidence import Outcome, Run, read_runs
from executed_pages.rule import RuleDirective, RuleRole

if TYPE_CHECKING:
    from pathlib import Path

    from sphinx.builders import Builder
    from sphinx.environment import BuildEnvironment

    from spec.errors import InputError


@dataclass(frozen=True)
class Example:
    """A named block, rule or lab of a page, with the digest of its text.

    ``kind`` is ``c``, ``uapi``, ``sh``, ``rule`` or ``lab``.
    """

    name: str
    kind: str
    line: int
    digest: str
    statements: int
    """How many ``>>>`` statements belong to it."""
    needs: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule as the index of rules shows it; ``sentence`` is its first paragraph."""

    name: str
    docname: str
    line: int
    sentence: nodes.paragraph
    since: str
    until: str
    needs: str


@dataclass(frozen=True)
class Page:
    """A page that was read; ``path`` as the evidence has it, ``files`` by name."""

    path: str
    examples: dict[str, Example] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


class PagesDomain(Domain):
    """Pages and rules, kept from build to build, and the evidence, read anew each time."""

    name = "xdp"
    label = "XDP"
    object_types: ClassVar[dict[str, ObjType]] = {"rule": ObjType("rule", "rule")}
    directives: ClassVar[dict[str, Any]] = {"rule": RuleDirective}
    roles: ClassVar[dict[str, Any]] = {"rule": RuleRole()}
    initial_data: ClassVar[dict[str, Any]] = {
        "pages": {},
        "rules": {},
        "stamps": {},
        "overviews": set(),
    }
    data_version = 1
    dangling_warnings: ClassVar[dict[str, str]] = {"rule": "there is no rule %(target)s"}

    def __init__(self, env: BuildEnvironment) -> None:
        super().__init__(env)
        self.runs: list[Run] = []
        self.changed = True
        """Whether this build read any page."""

    @property
    def pages(self) -> dict[str, Page]:
        """By docname."""
        pages: dict[str, Page] = self.data["pages"]
        return pages

    @property
    def rules(self) -> dict[str, Rule]:
        """By id."""
        rules: dict[str, Rule] = self.data["rules"]
        return rules

    @property
    def stamps(self) -> dict[str, str]:
        """What evidence each page was last built with, by docname."""
        stamps: dict[str, str] = self.data["stamps"]
        return stamps

    @property
    def overviews(self) -> set[str]:
        """Docnames of the pages that show something about all pages."""
        overviews: set[str] = self.data["overviews"]
        return overviews

    def read_evidence(self, folder: Path) -> list[InputError]:
        """Look up what the runs recorded; the files that can't be used are left out."""
        self.runs, problems = read_runs(folder)
        return problems

    def examples(self) -> Iterator[tuple[str, Page, Example]]:
        """Every example of the site with its docname and page, in the order of the pages."""
        for docname in sorted(self.pages):
            page = self.pages[docname]
            for example in page.examples.values():
                yield docname, page, example

    def outcomes(self, docname: str, name: str) -> dict[str, Outcome]:
        """What each run says about an example, by the run's name."""
        page = self.pages[docname]
        digest = page.examples[name].digest
        return {run.name: run.outcome(page.path, name, digest) for run in self.runs}

    def clear_doc(self, docname: str) -> None:
        self.pages.pop(docname, None)
        self.overviews.discard(docname)
        for name in [rule.name for rule in self.rules.values() if rule.docname == docname]:
            del self.rules[name]

    def merge_domaindata(self, docnames: Iterable[str], otherdata: dict[str, Any]) -> None:
        for docname in docnames:
            if docname in otherdata["pages"]:
                self.pages[docname] = otherdata["pages"][docname]
        self.overviews.update(otherdata["overviews"] & set(docnames))
        for rule in otherdata["rules"].values():
            if rule.docname in docnames:
                self.rules[rule.name] = rule

    def resolve_xref(
        self,
        env: BuildEnvironment,  # noqa: ARG002
        fromdocname: str,
        builder: Builder,
        typ: str,  # noqa: ARG002
        target: str,
        node: pending_xref,  # noqa: ARG002
        contnode: nodes.Element,
    ) -> nodes.reference | None:
        rule = self.rules.get(target)
        if rule is None:
            return None
        return make_refnode(builder, fromdocname, rule.docname, rule.name, contnode, rule.name)

    def resolve_any_xref(
        self,
        env: BuildEnvironment,
        fromdocname: str,
        builder: Builder,
        target: str,
        node: pending_xref,
        contnode: nodes.Element,
    ) -> list[tuple[str, nodes.reference]]:
        found = self.resolve_xref(env, fromdocname, builder, "rule", target, node, contnode)
        return [("xdp:rule", found)] if found else []

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        for rule in self.rules.values():
            yield rule.name, rule.name, "rule", rule.docname, rule.name, 1


def pages_domain(env: BuildEnvironment) -> PagesDomain:
    """The domain of this site."""
    domain = env.get_domain("xdp")
    assert isinstance(domain, PagesDomain)
    return domain
