# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The report as JSON."""

from __future__ import annotations

import json
from typing import Any

from spec.testing.outcome import (
    Blocked,
    Failed,
    Failure,
    Held,
    OtherRelease,
    Outcome,
    Skipped,
)
from spec.testing.result import Report, Result, Verdict, count


def text(report: Report) -> str:
    """One object: where it ran, the counts, and every example."""
    counted = count(report.results)
    document = {
        "engine": report.engine,
        "release": report.release,
        "kernel": report.kernel,
        "machine": report.machine,
        "date": report.date,
        "xdpspec": report.version,
        "seconds": round(report.seconds, 3),
        "status": report.status,
        "summary": {verdict.key: counted[verdict] for verdict in Verdict},
        "examples": [_example(result) for result in report.results],
    }
    return json.dumps(document, indent=1, ensure_ascii=False)


def error(problems: list[str], status: int) -> str:
    """What stands in the place of a report that could not be made."""
    return json.dumps({"error": "\n".join(problems), "status": status}, ensure_ascii=False)


def _example(result: Result) -> dict[str, Any]:
    return {
        "page": result.page,
        "name": result.name,
        "kind": result.kind,
        "line": result.line,
        "sentence": result.sentence,
        "sha256": result.account["sha256"],
        "verdict": result.verdict.key,
        "reason": result.reason,
        "seconds": round(result.seconds, 4),
        "differences": [_difference(failure) for failure in result.failures],
    }


def _difference(failure: Failure) -> dict[str, Any]:
    return {
        "line": failure.line,
        "first": failure.first,
        "message": failure.message,
        "source": list(failure.excerpt),
        "expected": failure.expected,
        "seen": failure.seen,
        "details": list(failure.details),
    }


def read(text: str) -> Report:
    """The report that ``text()`` was given; ``ValueError`` or ``KeyError`` for anything else."""
    said = json.loads(text)
    if not isinstance(said, dict):
        raise ValueError(text)
    return Report(
        said["engine"],
        said["release"],
        said["kernel"],
        said["machine"],
        said["date"],
        said["xdpspec"],
        said["seconds"],
        tuple(_result(entry) for entry in said["examples"]),
    )


def _result(said: dict[str, Any]) -> Result:
    return Result(
        said["page"],
        said["name"],
        said["kind"],
        said["line"],
        said["sentence"],
        _outcome(Verdict[said["verdict"].upper()], said),
        {"sha256": said["sha256"]},
        said["seconds"],
    )


def _outcome(verdict: Verdict, said: dict[str, Any]) -> Outcome:
    reason = said["reason"]
    failures = tuple(_failure(entry) for entry in said["differences"])
    if verdict is Verdict.HOLDS:
        return Held()
    if verdict is Verdict.DIFFERS:
        return Failed(failures)
    if verdict is Verdict.OTHER_RELEASE:
        return OtherRelease(f"{verdict.value}: {reason}")
    return Blocked(failures) if failures else Skipped(reason)


def _failure(said: dict[str, Any]) -> Failure:
    return Failure(
        said["line"],
        said["message"],
        said["first"],
        tuple(said["source"]),
        tuple(said["details"]),
        said["expected"],
        said["seen"],
    )
