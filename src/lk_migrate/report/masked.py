"""A plan that may be shown: no value that looks like a secret is in it, nor in the sources that excerpts are cut from.

The lines stay where they are. The patch (`--diff`) and what is written are made from the plan itself.
"""

from __future__ import annotations

from dataclasses import replace

from lk_migrate.facts.secrets import mask
from lk_migrate.model import FileChange, Plan


def masked(plan: Plan) -> Plan:
    """The plan for terminal, JSON, SARIF, HTML and the record."""
    return replace(
        plan,
        changes=tuple(FileChange(c.path, _masked(c.before), _masked(c.after)) for c in plan.changes),
        findings=tuple(replace(f, message=mask(f.message)) for f in plan.findings),
        ledger=tuple(replace(e, why=mask(e.why)) if e.why else e for e in plan.ledger),
        skipped=tuple(replace(s, reason=mask(s.reason)) for s in plan.skipped),
    )


def _masked(data: bytes | None) -> bytes | None:
    """Masked whatever the encoding: secrets are ASCII, and Latin-1 keeps every byte."""
    return None if data is None else mask(data.decode("latin-1")).encode("latin-1")
