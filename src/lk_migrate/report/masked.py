"""A plan that may be shown: no value that looks like a secret is in it, nor in the sources that excerpts are cut from.

The lines stay where they are. A patch that is to be applied (`--patch`, `--diff` in a pipe) and what is written are
made from the plan itself; `secret_lines` says where such a patch shows a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from lk_migrate.facts.secrets import mask
from lk_migrate.ledger import packed
from lk_migrate.model import FileChange, Place, Plan
from lk_migrate.report.diff import patch

_HUNK = re.compile(rb"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def masked(plan: Plan) -> Plan:
    """The plan for terminal, JSON, SARIF, HTML and the record."""
    return replace(masked_words(plan), changes=masked_changes(plan.changes))


def masked_words(plan: Plan) -> Plan:
    """The plan for who shows nothing of the files: they take as long to search as a tenth of a small plan."""
    return replace(
        plan,
        findings=tuple(replace(f, message=mask(f.message)) for f in plan.findings),
        ledger=packed(plan.ledger).with_reasons(mask),
        skipped=tuple(replace(s, reason=mask(s.reason)) for s in plan.skipped),
    )


def masked_changes(changes: Iterable[FileChange]) -> tuple[FileChange, ...]:
    """The files as they may be shown."""
    return tuple(FileChange(c.path, _masked(c.before), _masked(c.after)) for c in changes)


def secret_lines(changes: Iterable[FileChange]) -> list[Place]:
    """Where a patch of these changes shows what looks like a secret: lines of the old and of the new files."""
    found: list[Place] = []
    for change in changes:
        path, number = change.path, {b"-"[0]: 0, b"+"[0]: 0}
        for line in patch([change]).split(b"\n"):
            if match := _HUNK.match(line):
                number = {b"-"[0]: int(match[1]), b"+"[0]: int(match[2])}
            elif line[:1] in (b"-", b"+", b" ") and not line.startswith((b"--- ", b"+++ ")):
                side = line[0] if line[:1] != b" " else b"+"[0]
                if _masked(line) != line:
                    found.append(Place(path, number[side], number[side]))
                for counted in number if line[:1] == b" " else (line[0],):
                    number[counted] += 1
    return sorted(set(found), key=lambda p: (p.path, p.line))


def _masked(data: bytes | None) -> bytes | None:
    """Masked whatever the encoding: secrets are ASCII, and Latin-1 keeps every byte."""
    return None if data is None else mask(data.decode("latin-1")).encode("latin-1")
