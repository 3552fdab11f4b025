"""From a project's bytes to a plan. Pure: reading came before, backing up and writing come after.

    files → rules, file by file → a new main.py, when the project is hand-rolled → manifests → summary, ledger
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lk_migrate.entrypoint.generate import AgentForMain, generate_entrypoint, needs_new_main
from lk_migrate.facts.agents import AgentClass, find_agents
from lk_migrate.facts.gates import find_gates
from lk_migrate.facts.project import Project
from lk_migrate.model import AgentSummary, Edition, FileChange, Plan, Skipped
from lk_migrate.rewrite.compose import compose
from lk_migrate.rewrite.engine import FileResult, convert_file
from lk_migrate.rewrite.lines import line_map
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
