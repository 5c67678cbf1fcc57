# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A page as HTML: labs, blocks, rules; and what is not run cannot be shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spec.testing.page import read_page
from tests.docs_site import PAGE, Site

MYST = """\
# Page

```{lab} eth0
```

```{code-block} c
:name: pass_all

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass_all(struct xdp_md *ctx)
{
    return XDP_PASS;
}
```

```pycon
>>> eth0.attach(pass_all)
```

````{rule} page.pass
:since: 4.8

Frames pass; see {rule}`page.pass`.

```pycon
>>> eth0.receive(frame)
no events
```
````
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    site = Site(tmp_path_factory.mktemp("site"))
    more = """
.. lab:: eth0 veth0--veth1

.. code-block:: c
   :name: includes_of_user
   :user:

   #include <stdio.h>

.. code-block:: c
   :name: quoted
   :uapi: bpf_devmap_val

   struct bpf_devmap_val {
       __u32 ifindex;
       __u32 fd;
   };

.. code-block:: c
   :name: other_program
   :object: other
   :after: includes

   SEC("xdp")
   int other_program(struct xdp_md *ctx)
   {
       return XDP_DROP;
   }

.. rule:: page.nic
   :until: 5.13
   :needs: hardware

   A card does what a card does, unlike :rule:`page.pass`.

.. rule:: page.events

   Events look like this.

   >>> print(events)
   xdp_redirect      eth0 -> eth1  map tx_port[0]
   xdp_redirect_err  eth0 -> eth1  map tx_port[0]  err ENETDOWN

.. redirect-figure::

   The way of a frame.
"""
    site.write(page=PAGE + more)
    site.record("model")
    build = site.build()
    assert build.clean, build.warnings
    return site.html("page")


def test_devices_are_drawn_with_a_title_and_a_description(html: str) -> None:
    assert "<title>Devices of this lab</title>" in html
    assert (
        "<desc>A network namespace with the tap device eth0 and the veth pair veth0 linked to "
        "veth1 and the loopback device lo.</desc>"
    ) in html


def test_the_same_devices_are_drawn_once_and_then_named(html: str) -> None:
    first, second = (html.split(f'<figure id="{lab}"')[1] for lab in ("lab", "lab-2"))
    assert "<svg" in first.split("</figure>")[0]
    assert "<svg" not in second.split("</figure>")[0]
    assert "veth0 – veth1" in second.split("</figure>")[0]


@pytest.mark.parametrize(
    "name",
    ["lab", "lab-2", "includes", "pass_all", "page.pass", "quoted", "other_program"],
)
def test_every_example_can_be_linked_to_by_its_name(html: str, name: str) -> None:
    assert html.count(f'id="{name}"') == 1


@pytest.mark.parametrize(
    ("block", "label"),
    [
        ("pass_all", "page.bpf.c"),
        ("includes_of_user", "page.c"),
        ("other_program", "other.bpf.c"),
        ("quoted", "from &lt;linux/bpf.h&gt;"),
    ],
)
def test_a_block_says_which_file_it_belongs_to(html: str, block: str, label: str) -> None:
    bar = html.split(f'id="{block}"')[1].split("</div>")[0]
    assert f">{label}<" in bar


def test_a_rule_shows_its_releases_and_where_the_kernel_does_it(html: str) -> None:
    card = html.split('id="page.pass"')[1].split('id="lab-2"')[0]
    assert ">since 4.8<" in card
    assert ">net/core/dev.c: bpf_prog_run_generic_xdp<" in card
    assert ">until 5.13<" in html.split('id="page.nic"')[1]


def test_a_rule_that_needs_hardware_says_that_it_was_modelled_only(html: str) -> None:
    card = html.split('id="page.nic"')[1]
    assert 'title="Modelled, not executed">needs hardware<' in card


def test_a_rule_is_linked_to_by_its_id(html: str) -> None:
    assert 'href="#page.pass" title="page.pass"' in html


def test_the_redirect_figure_is_drawn_for_wide_and_for_narrow_pages(html: str) -> None:
    assert html.count("<title>The three steps of XDP_REDIRECT</title>") == 2
    assert "The way of a frame." in html


def test_events_stand_out_from_other_output(html: str) -> None:
    assert re.search(r'class="[^"]*go-Quiet">no events', html)
    assert re.search(r'class="[^"]*go-Event">xdp_redirect<', html)
    assert re.search(r'class="[^"]*go-Fault">xdp_redirect_err<', html)
    assert re.search(r'class="[^"]*go-Fault">err ENETDOWN<', html)


def test_a_myst_page_is_rendered_like_any_other(site: Site) -> None:
    site.write()
    (site.docs / "page.md").write_text(MYST)
    (site.docs / "index.rst").write_text("Index\n=====\n\n.. toctree::\n\n   page\n")
    digests = {"page": "docs/page.md", "outcome": "held"}
    examples = read_page(site.docs / "page.md", root=site.docs.parent).examples
    site.write_evidence("model", "6.18", [{**digests, "name": e.name, "sha256": e.digest}
                                          for e in examples])  # fmt: skip
    build = site.build()
    assert build.clean, build.warnings
    assert site.html("page").count("model 6.18") == len(["lab", "pass_all", "page.pass"])
    assert ">page.bpf.c<" in site.html("page")


@pytest.mark.parametrize(
    ("addition", "complaint"),
    [
        ("\n.. code-block:: c\n\n   int x;\n", "unnamed"),
        ("\n.. code-block:: c\n   :name: pass_all\n\n   int x;\n", "duplicate name"),
        ("\n.. code-block:: C\n   :name: big\n\n   int x;\n", "'C'"),
        ("\n.. code-block:: python\n\n   1 + 1\n", "python"),
        ("\n.. literalinclude:: page.rst\n   :language: c\n", "without a :name:"),
        ("\n.. rule:: page.empty\n\n   Nothing proves this.\n", "no >>> example"),
        ("\n.. rule:: page.old\n   :since: ever\n\n   x\n\n   >>> 1\n   1\n", "since"),
        ("\n.. code-block:: c\n   :name: x\n   :usr:\n\n   int x;\n", "usr"),
        ("\nSee :rule:`page.nowhere`.\n", "there is no rule page.nowhere"),
    ],
)
def test_a_page_that_could_not_be_run_fails_the_build(
    site: Site, addition: str, complaint: str
) -> None:
    site.write(page=PAGE)
    site.record("model")
    site.write(page=PAGE + addition)
    build = site.build()
    assert build.status == 1
    assert complaint in build.warnings
    assert f"{site.docs}/page.rst:" in build.warnings
    assert "Traceback" not in build.warnings


def test_a_statement_that_runs_unseen_fails_the_build(site: Site) -> None:
    site.write(page=PAGE + "\n.. A comment:\n\n   >>> eth0.down()\n")
    site.record("model")
    build = site.build()
    assert build.status == 1
    assert ">>> eth0.down() is run, but not shown" in build.warnings


def test_two_pages_cannot_share_a_rule(site: Site) -> None:
    site.write(page=PAGE, other=PAGE.replace("Page\n====", "Other\n====="))
    site.record("model")
    build = site.build()
    assert build.status == 1
    assert "rule page.pass is also on page" in build.warnings


def test_two_pages_may_use_the_same_names_for_blocks(site: Site) -> None:
    site.write(page=PAGE, other=PAGE.replace("page.pass", "other.pass"))
    site.record("model")
    assert site.build().clean
