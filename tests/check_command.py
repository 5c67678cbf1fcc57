# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""``xdpspec check`` in a process of its own, and pages for it to run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.page_project import GOOD, HEAD, ROOT

DIFFERENT = GOOD.replace("   XDP_REDIRECT", "   XDP_TX")

KINDS = f"""{DIFFERENT}
.. rule:: ports.old
   :until: 4.1

   Nobody remembers ``XDP`` & <this>.

   >>> 1
   2

.. rule:: ports.card
   :needs: hardware

   A card sends at once.
"""
"""An example of each verdict."""

CRASH = f"""{HEAD}
.. code-block:: c
   :name: read
   :user:

   int read(int place)
   {{
       return *(int *)(long)place;
   }}

.. rule:: crash.before

   All is well.

   >>> 1
   1

.. rule:: crash.now

   Address 0 can be read.

   >>> read(0)
   0

.. rule:: crash.after

   All is well again.

   >>> 1
   1
"""

SLOW = f"""{HEAD}
.. rule:: slow.sleep

   Sleeping takes time.

   >>> import os, pathlib, time
   >>> pathlib.Path(f"PLACE/began-{{os.getpid()}}").touch()
   >>> time.sleep(60)
"""
"""Says in the folder PLACE that it has begun."""


def folder(place: Path, **pages: str) -> Path:
    """A folder ``docs`` below *place* with *pages*, each the text of ``<name>.rst``."""
    docs = place / "docs"
    docs.mkdir(exist_ok=True)
    for name, text in pages.items():
        (docs / f"{name}.rst").write_text(text)
    return docs


def check(
    *arguments: str | Path, setup: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``xdpspec check`` with *arguments*; *setup* is Python that runs before it begins."""
    return subprocess.run(
        command(*arguments, setup=setup), capture_output=True, text=True, cwd=ROOT, env=env
    )


def command(*arguments: str | Path, setup: str = "") -> list[str]:
    """The command line of :func:`check`."""
    program = f"{setup}\nfrom kernel_impl.command import main; main(prog_name='xdpspec')"
    return [sys.executable, "-c", program, "check", *map(str, arguments)]
