"""Findings as SARIF 2.1.0, for code scanning.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from lk_migrate import __version__
from lk_migrate.model import Action, Finding, Safety
from lk_migrate.report.catalog import EDITIONS, RuleText, catalog, published

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """One run. Markers are warnings, everything that is done by itself is a note."""
    used = sorted({f.rule for f in findings})
    index = {rule: i for i, rule in enumerate(used)}
    seen: Counter[str] = Counter()
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "lk-migrate",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(rule) for rule in used],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(f, index, seen) for f in findings],
            }
        ],
    }


def _rule(identity: str) -> dict[str, Any]:
    text: RuleText | None = catalog().get(identity)
    if text is None:
        return {"id": identity}
    rule: dict[str, Any] = {
        "id": identity,
        "shortDescription": {"text": text.summary},
        "fullDescription": {"text": text.why or text.summary},
        "help": {"text": text.why or text.summary, "markdown": _help(text)},
        "defaultConfiguration": {"level": "warning" if text.safety is Safety.REVIEW else "note"},
        "properties": {"tags": ["livekit", "migration", EDITIONS[text.edition]]},
    }
    address = published(identity)
    if address is not None and address.startswith("https://"):
        rule["helpUri"] = address
    return rule


def _help(rule: RuleText) -> str:
    """The whole of its page, for those who have no other: code scanning shows it beside the finding."""
    example = f"\n\n```diff\n{rule.example}\n```" if rule.example else ""
    return f"**{rule.summary}**\n\n{rule.why}{example}\n\nTo switch it off:\n\n```text\n{rule.switch_off}```\n"


def _result(finding: Finding, index: dict[str, int], seen: Counter[str]) -> dict[str, Any]:
    place = finding.place
    region: dict[str, Any] = {"startLine": place.line, "endLine": place.end_line}
    if finding.column:
        region["startColumn"] = finding.column + 1
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": "warning" if finding.action is Action.TODO else "note",
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {
                        "uri": quote(place.path, errors="surrogateescape"),
                        "uriBaseId": "%SRCROOT%",
                    },
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"lkMigrate/v1": _fingerprint(finding, seen)},
        "properties": {"action": finding.action.value},
    }


def _fingerprint(finding: Finding, seen: Counter[str]) -> str:
    """The same for the same remark when lines above it come and go."""
    key = f"{finding.rule}\0{finding.place.path}\0{finding.action.value}\0{finding.message}"
    seen[key] += 1
    return hashlib.sha256(f"{key}\0{seen[key]}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
