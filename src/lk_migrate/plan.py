"""From a project's bytes to a plan. Pure: reading came before, backing up and writing come after.

files → rules, file by file → a new main.py, when the project is hand-rolled → manifests → summary, ledger
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lk_migrate.facts.agents import Role, find_agents
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.model import AgentSummary, Edition, FileChange, Plan
from lk_migrate.rewrite.engine import FileResult, convert_file
from lk_migrate.rules.registry import Rule, select_rules


@dataclass(frozen=True)
class ConvertOptions:
    """What a person may ask of a conversion. `main=None`: find it; `no_main`: leave it where and as it is."""

    targets: frozenset[str] = frozenset()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    main: str | None = None
    no_main: bool = False


def make_plan(files: Mapping[str, bytes], options: ConvertOptions, root: str = ".") -> Plan:
    """What a conversion of these files (path → bytes; Python files and manifests) would do.

    Nothing is written, imported or run. A file that cannot be converted is in `skipped`, with the reason.
    """
    project = Project({p: d for p, d in files.items() if p.endswith(".py")}, options.targets)
    rules = select_rules(options.select, options.ignore)
    results = [convert_file(path, project, rules) for path in sorted(project.files)]
    plan = Plan(
        root,
        changes=tuple(r.change for r in results if r.change is not None),
        findings=tuple(f for r in results for f in r.findings),
        ledger=tuple(e for r in results for e in r.ledger),
        editions=_editions(results, rules),
    )
    if not options.no_main:
        plan = _with_new_main(plan, project, options.main)
    skipped = {s.path: s for s in [*project.skipped.values(), *(r.skipped for r in results if r.skipped)]}
    return replace(plan, skipped=tuple(skipped.values()), agents=_summaries(project, plan))


def overlay(files: Mapping[str, bytes], changes: Iterable[FileChange]) -> dict[str, bytes]:
    """The files as they would be after `changes`."""
    after = dict(files)
    for change in changes:
        if change.after is None:
            after.pop(change.path, None)
        else:
            after[change.path] = change.after
    return after


def _with_new_main(plan: Plan, project: Project, wanted: str | None) -> Plan:
    """The plan with main.py taken apart and generated anew, when this is a hand-rolled project with one."""
    return plan


def _editions(results: Iterable[FileResult], rules: Sequence[Rule]) -> dict[str, tuple[Edition, ...]]:
    """Which editions' rules met something in a file."""
    edition = {rule.id: rule.edition for rule in rules}
    found: dict[str, tuple[Edition, ...]] = {}
    for result in results:
        met = {edition[f.rule] for f in result.findings if f.rule in edition}
        if met:
            found[result.path] = tuple(sorted(met, key=list(Edition).index))
    return found


def _summaries(project: Project, plan: Plan) -> tuple[AgentSummary, ...]:
    """The assistant classes that changed, with their lines before and after."""
    after = Project(overlay(project.files, plan.changes))
    changed = {c.path for c in plan.changes}
    found = []
    for agent in find_agents(project):
        if agent.role is not Role.AGENT or agent.module.path not in changed:
            continue
        found.append(
            AgentSummary(
                agent.name,
                agent.module.path,
                tuple(tool.name for tool in agent.all_tools),
                None,
                _lines(agent.module, agent.name),
                _lines(after.module(agent.module.path), agent.name),
            )
        )
    return tuple(found)


def _lines(module: Module | None, name: str) -> int:
    node = module.definitions.get(name) if module is not None else None
    if module is None or node is None:
        return 0
    span = module.span(node)
    return span.end_line - span.line + 1
