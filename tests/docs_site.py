# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Small documentation sites, built by the project's own ``conf.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from spec.testing.evidence import digest
from spec.testing.page import read_page

PROJECT = Path(__file__).parent.parent

PAGE = """\
Page
====

.. lab:: eth0 veth0--veth1

.. code-block:: c
   :name: includes

   #include <linux/bpf.h>
   #include <bpf/bpf_helpers.h>

   char LICENSE[] SEC("license") = "GPL";

.. code-block:: c
   :name: pass_all

   SEC("xdp")
   int pass_all(struct xdp_md *ctx)
   {
       return XDP_PASS;
   }

Attach it:

>>> eth0.attach(pass_all)
>>> eth0.receive(frame)
no events

.. rule:: page.pass
   :since: 4.8
   :source: net/core/dev.c: bpf_prog_run_generic_xdp

   What ``XDP_PASS`` is returned for goes to the stack.

   >>> eth0.received == [frame]
   True
"""


class Build(NamedTuple):
    """What a strict build came to."""

    status: int
    warnings: str

    @property
    def clean(self) -> bool:
        return self.status == 0 and not self.warnings


class Site:
    """A folder ``docs`` with pages and evidence, and what was built from it."""

    def __init__(self, folder: Path) -> None:
        self.docs, self.out = folder / "docs", folder / "out"
        self.docs.mkdir()

    def write(self, **pages: str) -> None:
        """Write pages by name; ``index`` lists them all."""
        names = sorted({path.stem for path in self.docs.glob("*.rst")} | set(pages))
        pages.setdefault("index", "Index\n=====\n\n.. toctree::\n\n   " + "\n   ".join(
            name for name in names if name != "index") + "\n")  # fmt: skip
        for name, text in pages.items():
            (self.docs / f"{name}.rst").write_text(text)

    def record(
        self,
        engine: str,
        release: str = "6.18",
        machine: str = "x86_64",
        label: str = "",
        **changes: dict[str, str],
    ) -> None:
        """Write evidence by which every example held, but for *changes* by the example's name."""
        examples = []
        for path in sorted(self.docs.glob("*.rst")):
            page = read_page(path, root=self.docs.parent)
            for example in page.examples:
                examples.append(
                    {
                        "page": page.title,
                        "name": example.name,
                        "sha256": example.digest,
                        "outcome": "held",
                        "reason": "",
                        **changes.get(example.name.replace(".", "_").replace("-", "_"), {}),
                    }
                )
        self.write_evidence(engine, release, examples, machine, label)

    def write_evidence(
        self,
        engine: str,
        release: str,
        examples: Iterable[object],
        machine: str = "x86_64",
        label: str = "",
    ) -> None:
        """Write an evidence file about *examples*."""
        run = {
            "engine": engine,
            "release": release,
            "kernel": f"{release}.44" if engine == "kernel" else "",
            "machine": machine,
            "label": label,
            "date": "2026-11-23",
            "commit": "0123456789abcdef",
            "examples": list(examples),
        }
        folder = self.docs / "evidence"
        folder.mkdir(exist_ok=True)
        name = "-".join(filter(None, (engine, release, machine.replace("x86_64", ""), label)))
        (folder / f"{name}.json").write_text(json.dumps({"digest": digest(run), **run}))

    def build(self) -> Build:
        """Build strictly, keeping what has not changed since the last time."""
        command = [sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", "-q", "--no-color"]
        command += ["-c", str(PROJECT / "docs"), "-d", str(self.docs.parent / "doctrees")]
        command += [str(self.docs), str(self.out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return Build(done.returncode, done.stderr)

    def html(self, name: str) -> str:
        """The HTML of a page."""
        return (self.out / f"{name}.html").read_text()
