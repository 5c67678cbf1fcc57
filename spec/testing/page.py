# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reads a page and refuses whatever could not be run, in one line that says where and why."""

from __future__ import annotations

import re
from pathlib import Path

from spec.errors import InputError
from spec.testing.blocks import Example, Kind, Page, Step
from spec.testing.markup import Directive, Prompt, Text, lex

__all__ = ["Example", "Page", "read_page"]

NEVER_RUN = frozenset({"console", "text", "toml", "yaml", "ini", "rst", "markdown", "none"})
"""Languages of blocks that are there to be looked at."""

OPTIONS = {
    "lab": frozenset[str](),
    "rule": frozenset({"since", "until", "needs", "source"}),
    "c": frozenset({"name", "user", "object", "after", "uapi", "caption", "emphasize-lines"}),
    "sh": frozenset({"name", "caption", "emphasize-lines"}),
}

_DEVICE = re.compile(r"[a-z_][a-z0-9_]{0,14}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_RULE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_RELEASE = re.compile(r"\d+\.\d+")


def read_page(path: Path | str, root: Path | None = None) -> Page:
    """The page at *path*, called by its path below *root* (default: the project it belongs to).

    Raises ``InputError`` for anything on it that could not be run or would go unnoticed.
    """
    path = Path(path).absolute()
    root = (root or _project(path)).absolute()
    title = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    return _Reader(Text(path, title), path, root).read()


def _project(path: Path) -> Path:
    marked = (folder for folder in path.parents if (folder / "pyproject.toml").exists())
    return next(marked, path.parent)


class _Reader:
    """Turns the directives and statements of one page into examples, in the order of the text."""

    def __init__(self, page: Text, path: Path, root: Path) -> None:
        self.page, self.path, self.root = page, path, root
        self.examples: list[Example] = []
        self.steps: list[Step] = []
        self.rules: list[tuple[Directive, Example]] = []

    def read(self) -> Page:
        markup = lex(self.page)
        for directive in markup.directives:
            self.add(directive)
        places = sorted(self.steps, key=lambda step: step.position)
        for prompt in markup.prompts:
            owner = self.owner(prompt, places)
            owner.statements.append(prompt)
            self.steps.append(Step(owner, prompt, prompt.start))
        steps = sorted(self.steps, key=lambda step: step.position)
        self.check_all(steps)
        return Page(
            self.path,
            self.root,
            self.page.title,
            self.page.text,
            tuple(self.examples),
            tuple(steps),
        )

    # One directive.

    def add(self, directive: Directive) -> None:
        match directive.kind, directive.argument:
            case "lab", _:
                example = self.lab(directive)
            case "rule", _:
                example = self.rule(directive)
            case "code", "c" | "sh":
                example = self.block(directive)
            case "code", language if language in NEVER_RUN:
                return
            case _, "python" | "pycon":
                raise self.error(directive, "python block", "write statements with >>> instead")
            case _, language:
                remedy = f"use c, sh, or one of {', '.join(sorted(NEVER_RUN))}"
                raise self.error(directive, f"unsupported language {language!r}", remedy)
        for other in self.examples:
            if other.name == example.name:
                problem = f"duplicate name {example.name!r}"
                raise self.error(directive, problem, f"line {other.line} has it; choose another")
        self.examples.append(example)
        self.steps.append(Step(example, None, directive.start))

    def lab(self, directive: Directive) -> Example:
        self.check_options(directive, "lab")
        if directive.body:
            raise self.error(directive, "a lab has no content", "dedent the text below it")
        devices = tuple(directive.argument.split())
        names = [name for device in devices for name in device.split("--")]
        for name in names:
            if not _DEVICE.fullmatch(name):
                problem = f"{name!r} cannot name a device here"
                raise self.error(directive, problem, "use at most 15 of a-z 0-9 _")
            if names.count(name) > 1:
                raise self.error(directive, f"two devices {name!r}", "rename one")
        number = 1 + sum(e.kind == "lab" for e in self.examples)
        name = "lab" if number == 1 else f"lab-{number}"
        return Example(name, "lab", directive.line, directive.argument, devices=devices)

    def block(self, directive: Directive) -> Example:
        kind: Kind = "c" if directive.argument == "c" else "sh"
        options = directive.options
        self.check_options(directive, kind)
        name = options.get("name", "")
        if not name:
            raise self.error(directive, f"unnamed {kind} block", "give it a :name:")
        if not _NAME.fullmatch(name):
            raise self.error(directive, f"{name!r} is no name", "use letters, digits, _ and -")
        if not directive.body.strip():
            raise self.error(directive, f"empty block {name!r}", "indent its content below it")
        placed = [option for option in ("user", "object", "uapi") if option in options]
        if len(placed) > 1:
            both = " and ".join(f":{option}:" for option in placed)
            raise self.error(directive, f"{both} exclude each other", "keep one of them")
        for option in ("object", "uapi"):
            if option in options and not options[option].isidentifier():
                problem = f":{option}: {options[option]!r} is not an identifier"
                raise self.error(directive, problem, "name one C identifier")
        if "after" in options and "object" not in options:
            raise self.error(directive, ":after: without :object:", "name the object as well")
        return Example(
            name,
            kind,
            directive.line,
            directive.body,
            source=directive.body,
            source_line=directive.body_line,
            user="user" in options,
            object=options.get("object", ""),
            after=tuple(options.get("after", "").split()),
            uapi=options.get("uapi", ""),
        )

    def rule(self, directive: Directive) -> Example:
        self.check_options(directive, "rule")
        name, options = directive.argument, directive.options
        if not _RULE.fullmatch(name):
            raise self.error(
                directive, f"{name!r} is no rule id", "write it as devmap.update.flags"
            )
        for option in ("since", "until"):
            if option in options and not _RELEASE.fullmatch(options[option]):
                problem = f":{option}: {options[option]!r} is not a release"
                raise self.error(directive, problem, "write it as 5.14")
        if options.get("needs", "hardware") != "hardware":
            problem = f"unknown :needs: {options['needs']!r}"
            raise self.error(directive, problem, "only hardware is known")
        sentence = " ".join(directive.body.partition("\n\n")[0].split())
        if not sentence or sentence.startswith((">>>", "..", "```")):
            raise self.error(directive, f"rule {name!r} has no sentence", "begin it with one")
        limits = [options.get("since", ""), options.get("until", ""), options.get("needs", "")]
        example = Example(
            name,
            "rule",
            directive.line,
            "\0".join([directive.body, *limits]),
            sentence=sentence,
            since=limits[0],
            until=limits[1],
            needs=limits[2],
            kernel_source=options.get("source", ""),
        )
        self.rules.append((directive, example))
        return example

    def check_options(self, directive: Directive, kind: str) -> None:
        known = OPTIONS[kind]
        for option in directive.options:
            if option not in known:
                remedy = f"known are {', '.join(sorted(known))}" if known else "remove it"
                raise self.error(directive, f"unknown option :{option}: of {kind}", remedy)

    # Statements.

    def owner(self, prompt: Prompt, places: list[Step]) -> Example:
        for directive, rule in self.rules:
            if directive.start < prompt.start < directive.end:
                return rule
        before = [
            step.example
            for step in places
            if step.position < prompt.start and step.example.kind != "rule"
        ]
        if not any(example.kind == "lab" for example in before):
            raise self.page.error(prompt.line, ">>> before any lab", "put a lab directive above it")
        return before[-1]

    # The page as a whole.

    def check_all(self, steps: list[Step]) -> None:
        began = False
        for step in steps:
            began = began or step.example.kind == "lab"
            if not began and (step.example.kind == "sh" or step.example.uapi):
                problem = f"{step.example.name!r} before any lab"
                raise self.page.error(step.example.line, problem, "put a lab directive above it")
        for example in self.examples:
            if not began:
                problem = f"{example.kind} {example.name!r} on a page without a lab"
                raise self.page.error(example.line, problem, "put a lab directive above it")
            if example.kind == "rule" and not example.statements and not example.needs:
                problem = f"rule {example.name!r} has no >>> example"
                raise self.page.error(example.line, problem, "add one, or :needs: hardware")
            for name in example.after:
                self.check_after(example, name)

    def check_after(self, example: Example, name: str) -> None:
        for other in self.examples:
            if other.name == name and other.kind == "c" and not other.user:
                return
        problem = f":after: names no BPF block {name!r}"
        raise self.page.error(example.line, problem, "name c blocks of this page")

    def error(self, directive: Directive, problem: str, remedy: str) -> InputError:
        return self.page.error(directive.line, problem, remedy)
