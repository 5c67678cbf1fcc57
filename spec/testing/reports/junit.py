# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The report as JUnit XML, which continuous integration shows."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from spec.testing.reports.text import difference
from spec.testing.result import Report, Result, Verdict, count

_WIDE = 1000
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(report: Report) -> str:
    """A suite for each page, a case for each example."""
    suites = ElementTree.Element("testsuites", _totals(report.results))
    suites.set("name", "xdpspec check")
    for page, results in report.pages.items():
        suite = ElementTree.SubElement(suites, "testsuite", _totals(tuple(results)))
        suite.set("name", page)
        _properties(suite, report)
        for result in results:
            _case(suite, result)
    ElementTree.indent(suites)
    written: bytes = ElementTree.tostring(suites, "utf-8", xml_declaration=True)
    return f"{written.decode()}\n"


def _totals(results: tuple[Result, ...]) -> dict[str, str]:
    counted = count(results)
    return {
        "tests": str(len(results)),
        "failures": str(counted[Verdict.DIFFERS]),
        "errors": "0",
        "skipped": str(counted[Verdict.OTHER_RELEASE] + counted[Verdict.CANT_TELL]),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _properties(suite: ElementTree.Element, report: Report) -> None:
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("engine", "release", "kernel", "machine", "version"):
        ElementTree.SubElement(properties, "property", name=name, value=getattr(report, name))


def _case(suite: ElementTree.Element, result: Result) -> None:
    time = f"{result.seconds:.3f}"
    case = ElementTree.SubElement(
        suite, "testcase", classname=result.page, name=result.name, time=time
    )
    case.set("file", result.page)
    case.set("line", str(result.line))
    if result.verdict is Verdict.DIFFERS:
        failure = ElementTree.SubElement(case, "failure", message=_clean(result.reason))
        shown = (x for f in result.failures for x in difference(result.page, f, _WIDE))
        failure.text = _clean("\n".join(shown))
    elif result.verdict is not Verdict.HOLDS:
        message = f"{result.verdict.value}: {result.reason}"
        ElementTree.SubElement(case, "skipped", message=_clean(message))


def _clean(text: str) -> str:
    """*text* without what XML can't hold."""
    return _NOT_XML.sub("\ufffd", text)
