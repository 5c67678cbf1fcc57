# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The package archives that apt is configured to use on this machine, and other suites of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kernel_impl.guests.deb822 import stanzas

CODENAMES = ("bullseye", "bookworm", "trixie", "forky", "sid")
ALIASES = ("oldoldstable", "oldstable", "stable", "testing", "unstable")
SUITES = (
    *CODENAMES, "experimental", *(f"{name}-backports" for name in ("bookworm", "trixie", "forky")),
)  # fmt: skip
"""Where Debian keeps kernels, old and new."""
SECURITY = "-security"
_ONE_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<rest>.+)$")


@dataclass(frozen=True)
class Source:
    """One suite of one archive; ``options`` as deb822 calls them, such as ``Signed-By``."""

    uri: str
    suite: str
    components: Sequence[str]
    options: Mapping[str, str] = field(default_factory=dict)

    def stanza(self) -> str:
        """How a ``.sources`` file says it."""
        lines = {
            "Types": "deb",
            "URIs": self.uri,
            "Suites": self.suite,
            "Components": " ".join(self.components),
            **self.options,
        }
        return "".join(f"{key}: {value}\n" for key, value in lines.items())


def configured(list_file: Path, folder: Path) -> list[Source]:
    """Every source in apt's ``sources.list`` and ``sources.list.d``, in apt's order."""
    found: list[Source] = []
    parts = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in (list_file, *parts):
        if path.is_file() and path.suffix in (".list", ".sources"):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found += _one_line(lines) if path.suffix == ".list" else _deb822(lines)
    return found


def other_suites(sources: Iterable[Source]) -> list[Source]:
    """All of ``SUITES`` in the archive that *sources* take Debian from, security updates too.

    Empty if none of them is Debian's.
    """
    known = {*CODENAMES, *ALIASES}
    main = [source for source in sources if source.suite in known and "main" in source.components]
    security = [
        source
        for source in sources
        if source.suite.removesuffix(SECURITY) in known and source.suite.endswith(SECURITY)
    ]
    return [
        *(_in_suite(source, suite) for source in main[:1] for suite in SUITES),
        *(
            _in_suite(source, f"{name}{SECURITY}")
            for source in security[:1]
            for name in CODENAMES[:-2]
        ),
    ]


def _in_suite(source: Source, suite: str) -> Source:
    return Source(source.uri, suite, ["main"], source.options)


def _deb822(lines: Iterable[str]) -> Iterator[Source]:
    named = ("types", "uris", "suites", "components", "enabled")
    for stanza in stanzas(lines):
        off = stanza.get("enabled", "yes").lower() in ("no", "false", "0")
        if off or "deb" not in stanza.get("types", "").split():
            continue
        options = {key.title(): value for key, value in stanza.items() if key not in named}
        for uri in stanza.get("uris", "").split():
            for suite in stanza.get("suites", "").split():
                yield Source(uri, suite, stanza.get("components", "").split(), options)


def _one_line(lines: Iterable[str]) -> Iterator[Source]:
    for line in lines:
        found = _ONE_LINE.match(line.partition("#")[0].strip())
        if found:
            pairs = (pair.partition("=") for pair in shlex.split(found["options"] or ""))
            options = {
                {"arch": "Architectures"}.get(key, key.title()): value for key, _, value in pairs
            }
            suite, *components = found["rest"].split()
            yield Source(found["uri"], suite, components, options)
