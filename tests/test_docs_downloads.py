# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a reader downloads compiles as it is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from spec.testing.compiler import compile_bpf, compile_user
from tests.docs_site import PAGE, PROJECT, Site

DOWNLOADS = """
.. downloads::

.. code-block:: c
   :name: count
   :user:

   #include <stdio.h>
   #include <bpf/bpf.h>

   int count(int map_fd)
   {
       __u32 key = 0;
       return bpf_map_lookup_elem(map_fd, &key, &key);
   }

.. code-block:: c
   :name: drop_all
   :object: drop
   :after: includes

   SEC("xdp")
   int drop_all(struct xdp_md *ctx)
   {
       return XDP_DROP;
   }
"""

INSTALLED = Path("/usr/include/bpf/bpf_helpers.h").exists() and shutil.which("clang")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(tmp_path_factory.mktemp("site"))
    site.write(page=PAGE + DOWNLOADS)
    site.record("model")
    build = site.build()
    assert build.clean, build.warnings
    return site


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of the project's own pages."""
    site = Site(tmp_path_factory.mktemp("ours"))
    for page in sorted((PROJECT / "docs").glob("*.rst")):
        shutil.copy(page, site.docs)
    site.build()
    files = sorted((site.out / "_downloads").rglob("*.c"))
    assert files
    return files


def test_a_page_links_to_its_files(sample: Site) -> None:
    for file in ("page.bpf.c", "page.c", "drop.bpf.c"):
        assert f'href="_downloads/{file}" download="{file}"' in sample.html("page")
        assert (sample.out / "_downloads" / file).exists()


def test_a_file_says_where_it_comes_from_and_quotes_no_lines(sample: Site) -> None:
    text = (sample.out / "_downloads" / "page.bpf.c").read_text()
    assert text.startswith("/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */\n")
    assert "From docs/page.rst" in text
    assert "#line" not in text
    assert "int pass_all(struct xdp_md *ctx)" in text


def test_an_object_of_its_own_has_the_blocks_it_comes_after(sample: Site) -> None:
    text = (sample.out / "_downloads" / "drop.bpf.c").read_text()
    assert "#include <linux/bpf.h>" in text
    assert "int drop_all(struct xdp_md *ctx)" in text
    assert "pass_all" not in text


def test_the_sample_files_compile(sample: Site) -> None:
    downloads = sample.out / "_downloads"
    assert compile_bpf((downloads / "page.bpf.c").read_text(), "page").exists()
    assert compile_bpf((downloads / "drop.bpf.c").read_text(), "drop").exists()
    assert compile_user((downloads / "page.c").read_text(), "page").exists()


def test_the_files_of_our_own_pages_compile(ours: list[Path]) -> None:
    for file in ours:
        source, name = file.read_text(), file.name.split(".")[0]
        build = compile_bpf if file.name.endswith(".bpf.c") else compile_user
        assert build(source, name).exists()


@pytest.mark.skipif(not INSTALLED, reason="clang or libbpf's headers are missing here")
def test_the_files_of_our_own_pages_compile_by_the_command_they_name(
    ours: list[Path], tmp_path: Path
) -> None:
    for file in ours:
        command = file.read_text().split("Compile with: ")[1].split(" */")[0]
        subprocess.run(
            f"{command} -o {tmp_path / 'out.o'}",
            shell=True,
            cwd=file.parent,
            check=True,
            capture_output=True,
        )
