# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Steps as code that a person runs: a short Python program, or a fragment of a page."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from spec.lab import Lab, LoadedObject

OBJECT = "found"
PROGRAM = '''\
"""{title}"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from kernel_impl import KernelLab
from kernel_impl.release import release
from spec import ModelLab
from spec.errors import KernelError
from spec.lab import Lab
{imports}

@contextmanager
def told(line: str) -> Iterator[None]:
    """Say what came of it, if it was refused or is about something that is not there."""
    try:
        yield
    except (KernelError, NameError) as error:
        print(f"  {{line}}: {{error}}")


def reproduce(lab: Lab) -> None:
    """What both engines are asked."""
{body}


for make in partial(ModelLab, release()), KernelLab:
    with make() as lab, lab.inside():
        print(lab.engine)
        reproduce(lab)
'''
PAGE = """\
.. lab::

{block}.. rule:: found.{id}
   :since: {release}

   TODO: say in one sentence what the kernel does here.

{example}
"""
BLOCK = """\
.. code-block:: c
   :name: {name}

{source}

"""


class Script(NamedTuple):
    """Lines of Python that speak to ``lab``, and the C of the object that they need."""

    source: str
    """Empty where no program and no map of an object is needed."""
    maps: tuple[str, ...]
    programs: tuple[str, ...]
    lines: tuple[str, ...]
    load: Callable[[Lab], Iterable[LoadedObject]]
    """Loads the programs and maps without a compiler, as the session has done."""

    def mentioned(self) -> Script:
        """The same without what no line speaks of."""
        words = set(re.findall(r"\w+", "\n".join(self.lines)))
        maps = tuple(name for name in self.maps if name in words)
        programs = tuple(name for name in self.programs if name in words)
        source = self.source if maps or programs else ""
        return self._replace(source=source, maps=maps, programs=programs)


def body(script: Script) -> str:
    """*script* as the body of ``reproduce``."""
    written = []
    if script.source:
        quoted = script.source.replace("\\", "\\\\").replace('"""', r"\"\"\"")
        written.append(f'loaded = lab.load(compile_bpf("""{quoted}""", "{OBJECT}"))')
    for kind in ("maps", "programs"):
        written += [f'{name} = loaded.{kind}["{name}"]' for name in getattr(script, kind)]
    if "lo" in re.findall(r"\w+", "\n".join(script.lines)):
        written.append("lo = lab.lo")
    for line in script.lines:
        asked = f'print("  {_escaped(line)}:", {line})' if is_expression(line) else line
        written.append(f'with told("{_escaped(line)}"):\n    {asked}')
    return "\n".join(written)


def program(title: str, text: str) -> str:
    """The whole program around the *text* of a body."""
    imports = "from spec.testing.compiler import compile_bpf\n" if "compile_bpf(" in text else ""
    indented = textwrap.indent(text, "    ", lambda _: True)
    # What stands between quotes must stay where it was.
    parts = re.split(r'(""".*?""")', indented, flags=re.DOTALL)
    parts[1::2] = [re.sub(r"^    ", "", part, flags=re.MULTILINE) for part in parts[1::2]]
    return PROGRAM.format(title=title, imports=imports, body="".join(parts))


def fragment(script: Script, id: str, kernel: Callable[[], Lab]) -> str:
    """*script* as part of a page, with the answers of a lab of *kernel*."""
    block = ""
    if script.source:
        indented = textwrap.indent(script.source.strip(), "   ")
        block = BLOCK.format(name=OBJECT, source=indented)
    with kernel() as lab, lab.inside():
        example = textwrap.indent("\n".join(_transcript(script, lab)), "   ")
        return PAGE.format(block=block, id=id, release=lab.release, example=example)


def is_expression(line: str) -> bool:
    """Whether *line* has a value."""
    try:
        compile(line, "step", "eval")
    except SyntaxError:
        return False
    return True


def _transcript(script: Script, lab: Lab) -> Sequence[str]:
    names: dict[str, Any] = {"lab": lab, "lo": lab.lo}
    if script.source:
        objects = list(script.load(lab))
        for loaded in objects:
            names |= {**loaded.maps, **loaded.programs}
    written = []
    for line in script.lines:
        written.append(f">>> {line}")
        try:
            if is_expression(line):
                value = eval(line, names)
                written += [] if value is None else repr(value).splitlines()
            else:
                exec(line, names)
        except NameError:
            written.pop()  # a step about what no step has made, which was not left out in time
        except Exception as error:  # whatever the kernel's side came to is what was found
            written += ["Traceback (most recent call last):", "  ..."]
            written.append(f"{type(error).__name__}: {error}")
    return written


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace('"', r"\"")
