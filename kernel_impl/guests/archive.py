# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Kernel packages from the archive that apt is configured for, fetched by apt itself.

Apt brings its proxies, credentials, signatures and check sums. It works in a folder of ours and
needs no root; what it knows of this machine's own packages is neither read nor changed.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cmp_to_key
from pathlib import Path
from typing import NamedTuple

from kernel_impl.guests.deb822 import stanzas
from kernel_impl.guests.sources import SUITES, Source, configured, other_suites
from spec.errors import InputError

PATIENCE_S = 0.2
"""How often whoever waits for apt looks whether it is still wanted."""
HELPER = "/usr/lib/apt/apt-helper"
LIKELY = {
    "5.10": ("bullseye", "bullseye-security"),
    "6.1": ("bookworm", "bookworm-security"),
    "6.12": ("trixie", "trixie-security"),
    "7.2": ("forky", "sid"),
}
"""Where to look first; every index is some ten megabytes."""
# Not what other packages want of apt, nor what they do when it is done.
_SETTINGS = """
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb;
Acquire::IndexTargets::deb::Packages {{
    MetaKey "$(COMPONENT)/binary-$(ARCHITECTURE)/Packages";
    ShortDescription "Packages";
    Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Packages";
}};
Acquire::Languages "none";
APT::Sandbox::User "";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/kernels.sources";
Dir::Etc::sourceparts "/dev/null";
"""


class Package(NamedTuple):
    """A package in an index: what is needed to fetch it and to know what it is."""

    name: str
    version: str
    uri: str
    sha256: str
    size: int
    """Bytes."""

    depends: tuple[str, ...] = ()


class Apt:
    """Apt at work in *folder*, for packages of the architecture *debian* such as ``amd64``."""

    def __init__(self, folder: Path, debian: str, stop: threading.Event | None = None) -> None:
        self.folder, self.debian = folder, debian
        self._stop = stop or threading.Event()
        self._settings = folder / "apt.conf"

    def packages(self, suites: Sequence[str]) -> list[Package]:
        """Every kernel package in those of *suites* that the archive has."""
        wanted = [source for source in self._sources() if source.suite in suites]
        for name in ("state/lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        stanza = "\n".join(source.stanza() for source in wanted)
        (self.folder / "kernels.sources").write_text(stanza, encoding="utf-8")
        self._settings.write_text(_SETTINGS.format(folder=self.folder), encoding="utf-8")
        update = self._run("apt-get", "update", "--error-on=any")
        found = [package for source in self._indexes() for package in source]
        if not found and update.returncode:
            said = [line for line in update.stderr.splitlines() if line.startswith("E:")]
            raise InputError("apt", (said or ["it failed without a word"])[0].removeprefix("E: "),
                             "see whether `apt-get update` works")  # fmt: skip
        return found

    def fetch(self, package: Package, target: Path) -> None:
        """Put the package's file at *target*; ``InputError`` if it isn't what the index says."""
        sum = f"SHA256:{package.sha256}"
        done = self._run(HELPER, "download-file", package.uri, str(target), sum)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            problem = " ".join((said or ["E: it failed without a word"])[0].split()[1:])
            raise InputError(package.uri, problem, "try again, or use another mirror")

    def _sources(self) -> list[Source]:
        answer = subprocess.run(
            ["apt-config", "shell", "FILE", "Dir::Etc::sourcelist/f", "PARTS",
             "Dir::Etc::sourceparts/d"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        places = dict(re.findall(r"^(\w+)='(.*)'$", answer.stdout, re.MULTILINE))
        found = other_suites(configured(Path(places["FILE"]), Path(places["PARTS"])))
        if not found:
            raise InputError(
                places["PARTS"],
                "apt is not configured for an archive of Debian",
                "give kernels by path: `xdpspec guests /boot/vmlinuz-…`",
            )
        return found

    def _indexes(self) -> Iterator[Iterator[Package]]:
        form = "$(FILENAME)\t$(REPO_URI)"
        targets = self._run("apt-get", "indextargets", "--format", form, "Created-By: Packages")
        for line in targets.stdout.splitlines():
            path, uri = line.split("\t")
            index = self._run(HELPER, "cat-file", path)
            yield kernel_packages(index.stdout.splitlines(), uri)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        full = [command[0], "-c", str(self._settings), *command[1:]]
        process = subprocess.Popen(
            full,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        while True:
            try:
                output, errors = process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                if self._stop.is_set():
                    process.terminate()
            else:
                return subprocess.CompletedProcess(full, process.returncode, output, errors)


def kernel_packages(lines: Iterable[str], uri: str) -> Iterator[Package]:
    """The kernel packages of an index whose file names are relative to *uri*."""
    for stanza in stanzas(lines):
        if stanza.get("package", "").startswith(
            ("linux-image-", "linux-binary-", "linux-modules-")
        ):
            depends = tuple(
                name.split()[0] for name in stanza.get("depends", "").split(",") if name.strip()
            )
            yield Package(
                stanza["package"],
                stanza["version"],
                f"{uri.rstrip('/')}/{stanza['filename']}",
                stanza["sha256"],
                int(stanza["size"]),
                depends,
            )


def likely_suites(release: str) -> list[Sequence[str]]:
    """Suites to look for *release* in: first those that should have it, then all the others."""
    first = LIKELY.get(release, ())
    every = [*SUITES, *(f"{name}-security" for name in SUITES)]
    rest = [suite for suite in every if suite not in first]
    return [first, rest] if first else [rest]


def choices(packages: Iterable[Package], release: str, debian: str) -> list[Package]:
    """The images of *release*, such as ``6.12``: the newest first, of each the small one first."""
    pattern = re.compile(rf"linux-image-{re.escape(release)}(?:[.+]\S*)?-{debian}")
    found = {
        package
        for package in packages
        if pattern.fullmatch(package.name)
        and re.match(rf"{re.escape(release)}(?![\d])", package.version)
        and not re.search(r"-(rt|16k)-", package.name)
    }
    by_cloud = sorted(found, key=lambda package: "-cloud-" not in package.name)
    order = cmp_to_key(compare)
    return sorted(by_cloud, key=lambda package: order(package.version), reverse=True)


def parts(image: Package, packages: Iterable[Package]) -> list[Package]:
    """*image*, or, where it is only a name for others, those of the same version."""
    same: Mapping[str, Package] = {
        package.name: package for package in packages if package.version == image.version
    }
    named = [same[name] for name in image.depends if name in same]
    return named or [image]


def compare(one: str, other: str) -> int:
    """-1, 0 or 1: whether version *one* is older than, the same as, or newer than *other*."""
    if one == other:
        return 0
    older = subprocess.run(["dpkg", "--compare-versions", one, "lt", other])
    return -1 if older.returncode == 0 else 1
