# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A small project with pages of its own, for tests of what runs pages."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

HEAD = """\
.. lab:: eth0 eth1

.. code-block:: c
   :name: includes

   #include <linux/bpf.h>
   #include <bpf/bpf_helpers.h>

   char LICENSE[] SEC("license") = "GPL";

.. code-block:: c
   :name: ports

   struct {
       __uint(type, BPF_MAP_TYPE_DEVMAP);
       __uint(max_entries, 4);
       __type(key, __u32);
       __type(value, __u32);
   } ports SEC(".maps");

.. code-block:: c
   :name: to_port

   SEC("xdp")
   int to_port(struct xdp_md *ctx)
   {
       return bpf_redirect_map(&ports, 0, XDP_PASS);
   }
"""

GOOD = f"""{HEAD}
>>> ports.update(0, eth1)
>>> ports.lookup(0)
eth1

.. rule:: ports.hit
   :since: 5.3

   A hit is a redirect.

   >>> to_port.test_run(frame).retval
   XDP_REDIRECT

.. rule:: ports.miss

   A miss is what the flags say.

   >>> ports.delete(0)
   >>> to_port.test_run(frame).retval
   XDP_PASS
"""

QUOTES_THE_UAPI = f"""{GOOD}
.. code-block:: c
   :name: bpf_devmap_val
   :uapi: bpf_devmap_val

   struct bpf_devmap_val {{
       __u32 ifindex;
       union {{
           int   fd;
           __u32 id;
       }} bpf_prog;
   }};
"""

CONFTEST = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import kernel_impl
import spec
from spec.testing.engine import Engine

pytest_plugins = ["spec.testing.plugin"]


def pytest_xdpspec_engines():
    return (
        Engine("model", spec.ModelLab, lambda: None),
        Engine("kernel", kernel_impl.KernelLab, kernel_impl.missing, "1.2.3"),
    )
"""


class Project:
    """A folder with a ``docs`` folder in it, and pytest to run there."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        self.pytester, self.path = pytester, pytester.path
        self.docs = self.path / "docs"
        self.docs.mkdir()
        (self.path / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = "docs"\n')
        (self.path / "conftest.py").write_text(CONFTEST)

    def page(self, text: str, name: str = "page.rst") -> Path:
        """Write a page; tests quote it as it is on disk."""
        path = self.docs / name
        path.write_text(text)
        return path

    def take_away_the_kernel(self, reason: str) -> None:
        """Let the live engine be missing for *reason*."""
        conftest = self.path / "conftest.py"
        text = conftest.read_text().replace("kernel_impl.missing", f"lambda: {reason!r}")
        conftest.write_text(text)

    def run(self, *arguments: str) -> pytest.RunResult:
        """``pytest`` with *arguments*."""
        without = (
            option for name in ("doctest", "hypothesispytest") for option in ("-p", f"no:{name}")
        )
        return self.pytester.runpytest_inprocess(*without, "-ra", *arguments)


def line_of(path: Path, text: str) -> int:
    """The number of the line that begins with *text*, indentation aside."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip().startswith(text):
            return number
    raise LookupError(text)
