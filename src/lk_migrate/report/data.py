"""A plan as plain data for machines: the `--json` output. Versioned; the schema is docs/report.schema.json."""

from __future__ import annotations

from typing import Any

from lk_migrate import TARGET, __version__
from lk_migrate.facts.source_lines import source_lines
from lk_migrate.model import FileChange, Finding, LedgerEntry, Place, Plan
from lk_migrate.report.blocks import block
from lk_migrate.rewrite.locate import text

#: Raised when a field changes its meaning or goes; new fields do not raise it.
SCHEMA_VERSION = 1


def report(plan: Plan) -> dict[str, Any]:
    """Everything of the plan but the bytes."""
    return {
        "schema": SCHEMA_VERSION,
        "tool": {"name": "lk-migrate", "version": __version__, "target": TARGET},
        "root": plan.root,
        "editions": {path: [e.value for e in editions] for path, editions in sorted(plan.editions.items())},
        "changes": [{"path": c.path, "kind": kind_of(c)} for c in plan.changes],
        "findings": [finding(f) for f in plan.findings],
        "skipped": [{"path": s.path, "reason": s.reason} for s in plan.skipped],
        "agents": [
            {
                "name": a.name,
                "path": a.path,
                "tools": list(a.tools),
                "gate": a.gate,
                "lines_before": a.lines_before,
                "lines_after": a.lines_after,
            }
            for a in plan.agents
        ],
        "main": None
        if plan.main is None
        else {
            "path": plan.main.path,
            "lines_before": plan.main.lines_before,
            "lines_after": plan.main.lines_after,
            "support": list(plan.main.support),
        },
        "left": len(plan.todo),
    }


def kind_of(change: FileChange) -> str:
    """`created`, `deleted` or `changed`."""
    return "created" if change.before is None else "deleted" if change.after is None else "changed"


def finding(item: Finding) -> dict[str, Any]:
    """One finding."""
    return {
        "rule": item.rule,
        "action": item.action.value,
        "place": place(item.place),
        "column": item.column,
        "message": item.message,
        "to": place(item.to),
    }


def ledger(plan: Plan) -> list[dict[str, Any]]:
    """The ledger, one row per legacy statement."""
    return [ledger_entry(entry) for entry in plan.ledger]


def todo(plan: Plan) -> list[dict[str, Any]]:
    """What is left for a person, with the legacy code that it is about."""
    before = {c.path: source_lines(text(c.before)) for c in plan.changes}
    return [
        finding(f) | {"code": block(before.get(f.place.path, []), f.place.line - 1, f.place.end_line)}
        for f in plan.todo
    ]


def ledger_entry(entry: LedgerEntry) -> dict[str, Any]:
    """One legacy statement."""
    return {
        "place": place(entry.place),
        "fate": entry.fate.value,
        "rule": entry.rule,
        "why": entry.why,
        "to": place(entry.to),
    }


def place(item: Place | None) -> dict[str, Any] | None:
    """A line range."""
    return None if item is None else {"path": item.path, "line": item.line, "end_line": item.end_line}
