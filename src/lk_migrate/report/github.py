"""Findings as GitHub workflow commands, which show as annotations at the lines of a pull request.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lk_migrate.model import Action, Finding
from lk_migrate.report.catalog import catalog


def workflow_commands(findings: Sequence[Finding]) -> Iterator[str]:
    """One warning for each marker; one notice per file and rule for the rest (GitHub shows ten of a kind per step)."""
    for finding in findings:
        if finding.action is Action.TODO:
            yield _command("warning", finding, finding.message)
    rest = [f for f in findings if f.action not in (Action.TODO, Action.NOTE)]
    counts = Counter((f.place.path, f.rule) for f in rest)
    first: dict[tuple[str, str], Finding] = {}
    for finding in sorted(rest, key=lambda f: (f.place.path, f.place.line)):
        first.setdefault((finding.place.path, finding.rule), finding)
    for (path, rule), finding in first.items():
        count = counts[path, rule]
        text = catalog()[rule].summary if rule in catalog() else finding.message
        places = f" ({count} places in this file)" if count > 1 else ""
        yield _command("notice", finding, f"{text}{places} `lk-migrate convert` does it.")


def _command(kind: str, finding: Finding, message: str) -> str:
    place = finding.place
    values = {
        "file": place.path,
        "line": str(place.line),
        "endLine": str(place.end_line),
        "title": f"lk-migrate {finding.rule}",
    }
    return f"::{kind} {','.join(f'{k}={_property(v)}' for k, v in values.items())}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
