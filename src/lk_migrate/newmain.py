"""The last act of a hand-rolled project: its main module is taken apart and written anew. Pure: plan in, plan out.

Not imported where there is no such module: what takes it apart is a tenth of the tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lk_migrate.conversion import FoundAgent
from lk_migrate.entrypoint.edits import WHOLE
from lk_migrate.entrypoint.gates import AgentForMain
from lk_migrate.entrypoint.generate import generate_entrypoint
from lk_migrate.facts.project import Project
from lk_migrate.ledger import Ledger, joined
from lk_migrate.model import Finding, LedgerEntry, Plan
from lk_migrate.rewrite.compose import compose
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rewrite.lines import line_map, moved_place
from lk_migrate.rules.registry import Rule


def with_new_main(
    plan: Plan, after: Project, project: Project, path: str, agents: Sequence[FoundAgent], rules: Sequence[Rule]
) -> Plan | tuple[Finding, ...]:
    """The plan with the main module taken apart and generated anew; when it stays in one piece, why.

    `project`: the main module's group, `after`: what the plan makes of it.
    """
    readied = _readied(plan, after, project, path, [r for r in rules if r.before_new_main])
    found = _generated(*readied, project, path, agents) if readied is not None else None
    if isinstance(found, Plan) and not any(f.rule == WHOLE for f in found.findings):
        return found
    return _generated(plan, after, project, path, agents)


def _readied(
    plan: Plan, after: Project, project: Project, path: str, rules: Sequence[Rule]
) -> tuple[Plan, Project] | None:
    """The main module after the rules that make it easier to take apart; None when these have nothing to do."""
    result = convert_file(path, after, rules)
    if result.change is None or result.change.after is None:
        return None
    lines = _line_map(project, after, path)
    changes = {c.path: c for c in plan.changes}
    changes[path] = replace(result.change, before=project.files[path])
    readied = replace(
        plan,
        changes=tuple(changes[p] for p in sorted(changes)),
        findings=(*plan.findings, *_legacy(result.findings, lines, path)),
        ledger=_merged(plan.ledger, result.ledger, lines, path),
    )
    trees = {path: result.tree} if result.tree is not None else {}
    return readied, after.after({**after.files, path: result.change.after}, trees)


def _generated(
    plan: Plan, after: Project, project: Project, path: str, agents: Iterable[FoundAgent]
) -> Plan | tuple[Finding, ...]:
    new = generate_entrypoint(after, path, [AgentForMain(a.name, a.path, a.gate) for a in agents])
    lines = _line_map(project, after, path)
    if new.main is None:
        return tuple(_legacy(new.findings, lines, path))
    changes = {c.path: c for c in plan.changes}
    for change in new.changes:
        before = changes[change.path].before if change.path in changes else change.before
        changes[change.path] = replace(change, before=before)
    return replace(
        plan,
        changes=tuple(changes[p] for p in sorted(changes)),
        findings=(*plan.findings, *_legacy(new.findings, lines, path)),
        ledger=_merged(plan.ledger, new.ledger, lines, path),
        main=replace(new.main, lines_before=len(project.files[path].splitlines())),
    )


def _line_map(project: Project, after: Project, path: str) -> dict[int, int]:
    """Line of the legacy main module → the same line in what the rules made of it."""
    old, new = project.module(path), after.module(path)
    return line_map(old.text, new.text) if old is not None and new is not None else {}


def _merged(first: Sequence[LedgerEntry], second: Sequence[LedgerEntry], lines: Mapping[int, int], path: str) -> Ledger:
    """One ledger for the main module out of what the rules did and what the generator did with their result."""
    mine = [e for e in first if e.place.path == path]
    if not mine:
        return joined((first, second))
    return joined(((e for e in first if e.place.path != path), compose(mine, second, lines)))


def _legacy(found: Iterable[Finding], lines: Mapping[int, int], path: str) -> Iterable[Finding]:
    """The generator's findings, which speak of what the rules made of `path`, at their places in the legacy file."""
    back = {there: here for here, there in lines.items()}
    return (replace(f, place=moved_place(f.place, back, path) or f.place) if f.place.path == path else f for f in found)
