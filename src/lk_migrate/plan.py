"""From a project's bytes to a plan. Pure: reading came before, backing up and writing come after.

files → rules, file by file → a new main.py, when the project is hand-rolled → manifests → summary, ledger
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import libcst as cst

from lk_migrate.entrypoint.gates import AgentForMain
from lk_migrate.entrypoint.generate import generate_entrypoint, needs_new_main
from lk_migrate.facts.agents import AgentClass, Role, find_agents
from lk_migrate.facts.gates import find_gates, is_hand_rolled
from lk_migrate.facts.project import Project
from lk_migrate.facts.relevant import relevant
from lk_migrate.manifests.imports import imported_modules
from lk_migrate.manifests.ledger import manifest_ledger
from lk_migrate.manifests.plan import plan_manifests
from lk_migrate.model import Action, AgentSummary, Edition, FileChange, Finding, LedgerEntry, Place, Plan
from lk_migrate.project.root import main_candidates
from lk_migrate.rewrite.compose import compose
from lk_migrate.rewrite.engine import FileResult, convert_file
from lk_migrate.rewrite.lines import line_map, moved_place
from lk_migrate.rewrite.locate import located, still_marked
from lk_migrate.rewrite.together import explained, held_back, why_not_here
from lk_migrate.rules.registry import Rule, select_rules

#: Told what is being done, how much of it is done, and how much there is (0 of 0: it cannot be counted).
Progress = Callable[[str, int, int], None]


def unwatched(what: str, done: int, total: int) -> None:
    """A `Progress` that nobody looks at."""


@dataclass(frozen=True)
class ConvertOptions:
    """What a person may ask of a conversion. `main=None`: find it; `no_main`: leave it where and as it is.

    `declined`: (rule id, path, line) where the person said no. `without`: path → ids of rules, or their beginnings,
    that leave this Python file alone.
    """

    targets: frozenset[str] = frozenset()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    main: str | None = None
    no_main: bool = False
    declined: frozenset[tuple[str, str, int]] = frozenset()
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def make_plan(
    files: Mapping[str, bytes], options: ConvertOptions, root: str = ".", progress: Progress = unwatched
) -> Plan:
    """What a conversion of these files (path → bytes; Python files and manifests) would do.

    Nothing is written, imported or run. A file that cannot be converted is in `skipped`, with the reason.
    """
    python = {p: d for p, d in files.items() if p.endswith(".py")}
    wanted = relevant(python, [*options.targets, *([options.main] if options.main else [])])
    project = Project({p: d for p, d in python.items() if p in wanted}, options.targets)
    rules = select_rules(options.select, options.ignore)
    main = _main_path(project, options)
    plan, stuck = None, None
    if main is not None:
        converted = _by_rules(project, rules, main, options, progress)
        stuck = _stuck(project, converted.plan, main)
        progress(f"a new {main}", 0, 0)
        plan = _with_new_main(converted, project, main) if stuck is None else None
    if plan is None:
        plan = _by_rules(project, rules, None, options, progress).plan
        if stuck is not None:
            note = Finding("LK150", Action.NOTE, Place(main or "", 1, 1), why_not_here(stuck))
            plan = replace(plan, findings=(*plan.findings, note))
    plan = _with_manifests(plan, files, rules)
    plan = replace(plan, findings=(*plan.findings, *still_marked(files, plan.findings)))
    progress("where every line went", 0, 0)
    spoken = any(b"livekit" in data for data in files.values())
    return located(replace(plan, root=root, agents=_summaries(project, plan), speaks_of_livekit=spoken))


@dataclass(frozen=True)
class _Converted:
    """What the rules make of the files; `trees`: path → the tree that was printed, of the files that change."""

    plan: Plan
    trees: Mapping[str, cst.Module]


def _by_rules(
    project: Project, rules: Sequence[Rule], main: str | None, options: ConvertOptions, progress: Progress
) -> _Converted:
    """Every file through the rules; `main` is written anew afterwards, so that some leave it alone."""
    for_main = [r for r in rules if not r.kept_main_only]
    for_rest = [r for r in rules if not r.new_main_only]
    left: dict[str, set[tuple[str, int]]] = {}
    for rule, path, line in options.declined:
        left.setdefault(path, set()).add((rule, line))

    def converted(path: str, held: Collection[str] = ()) -> FileResult:
        off = options.without.get(path, ())
        mine = for_main if path == main else for_rest
        wanted = [r for r in mine if r.id not in held and not r.id.startswith(off)] if held or off else mine
        result = convert_file(path, project, wanted, left.get(path, ()))
        if path != main:  # (which is asked again)
            project.forget_places(path)
        return result

    paths = sorted(project.files)
    results: dict[str, FileResult] = {}
    for done, path in enumerate(paths):
        progress(path, done, len(paths))
        results[path] = converted(path)
    held: dict[str, dict[str, str]] = {}
    while more := held_back(project, results.values(), rules):
        for path, because in more.items():
            held.setdefault(path, {}).update(because)
            results[path] = converted(path, held[path])
    plan = _gathered(project, results.values(), rules, explained(held))
    return _Converted(plan, {path: r.tree for path, r in results.items() if r.tree is not None})


def _gathered(
    project: Project, results: Collection[FileResult], rules: Sequence[Rule], notes: Iterable[Finding]
) -> Plan:
    skipped = {s.path: s for s in [*project.skipped.values(), *(r.skipped for r in results if r.skipped)]}
    return Plan(
        root=".",
        changes=tuple(r.change for r in results if r.change is not None),
        findings=(*(f for r in results for f in r.findings), *notes),
        ledger=tuple(e for r in results for e in r.ledger),
        skipped=tuple(skipped.values()),
        editions=_editions(results, rules),
    )


def _stuck(project: Project, plan: Plan, main: str) -> str | None:
    """The file that is left as it was and without which there is no new main: the main module's, or an agent's."""
    needed = {main, *(a.module.path for a in _agents(project))}
    return next((s.path for s in plan.skipped if s.path in needed), None)


def overlay(files: Mapping[str, bytes], changes: Iterable[FileChange]) -> dict[str, bytes]:
    """The files as they would be after `changes`."""
    after = dict(files)
    for change in changes:
        if change.after is None:
            after.pop(change.path, None)
        else:
            after[change.path] = change.after
    return after


def _with_new_main(converted: _Converted, project: Project, path: str) -> Plan | None:
    """The plan with the main module taken apart and generated anew; None when it stays in one piece."""
    plan = converted.plan
    after = project.after(overlay(project.files, plan.changes), converted.trees)
    made = generate_entrypoint(
        after, path, [AgentForMain(a.name, a.module.path, _gate(project, a)) for a in _agents(project)]
    )
    if made.main is None:
        return None
    lines = _line_map(project, after, path)
    changes = {c.path: c for c in plan.changes}
    for change in made.changes:
        before = changes[change.path].before if change.path in changes else change.before
        changes[change.path] = replace(change, before=before)
    return replace(
        plan,
        changes=tuple(changes[p] for p in sorted(changes)),
        findings=(*plan.findings, *_legacy(made.findings, lines, path)),
        ledger=_merged(plan.ledger, made.ledger, lines, path),
        main=replace(made.main, lines_before=_line_count(project.files[path])),
    )


def _with_manifests(plan: Plan, files: Mapping[str, bytes], rules: Sequence[Rule]) -> Plan:
    """The plan with requirements and the like brought to the target, when any code here uses LiveKit's agents."""
    after = overlay(files, plan.changes)
    made = plan_manifests(after, imported_modules(after), {r.id for r in rules})
    return replace(
        plan,
        changes=(*plan.changes, *made.changes),
        findings=(*plan.findings, *made.findings),
        ledger=(*plan.ledger, *manifest_ledger(made.changes, made.findings)),
    )


def _main_path(project: Project, options: ConvertOptions) -> str | None:
    """The main module to write anew: the one that was named, else the likeliest of a hand-rolled project."""
    if options.no_main:
        return None
    if options.main is not None:
        return options.main if needs_new_main(project, options.main) else None
    if not is_hand_rolled(project):
        return None
    near = sorted(options.targets or {a.module.path for a in _agents(project)})
    candidates = main_candidates(project.files, near)
    return next((p for p in candidates if needs_new_main(project, p)), None)


def _line_map(project: Project, after: Project, path: str) -> dict[int, int]:
    """Line of the legacy main module → the same line in what the rules made of it."""
    old, new = project.module(path), after.module(path)
    return line_map(old.text, new.text) if old is not None and new is not None else {}


def _merged(
    first: Sequence[LedgerEntry], second: Sequence[LedgerEntry], lines: Mapping[int, int], path: str
) -> tuple[LedgerEntry, ...]:
    """One ledger for the main module out of what the rules did and what the generator did with their result."""
    mine = [e for e in first if e.place.path == path]
    if not mine:
        return (*first, *second)
    return (*(e for e in first if e.place.path != path), *compose(mine, second, lines))


def _legacy(found: Iterable[Finding], lines: Mapping[int, int], path: str) -> Iterable[Finding]:
    """The generator's findings, which speak of what the rules made of `path`, at their places in the legacy file."""
    back = {there: here for here, there in lines.items()}
    return (replace(f, place=moved_place(f.place, back, path) or f.place) if f.place.path == path else f for f in found)


def _editions(results: Iterable[FileResult], rules: Sequence[Rule]) -> dict[str, tuple[Edition, ...]]:
    """Which editions' rules met something in a file."""
    edition = {rule.id: rule.edition for rule in rules}
    found: dict[str, tuple[Edition, ...]] = {}
    for result in results:
        met = {edition[f.rule] for f in result.findings if f.rule in edition}
        if met:
            found[result.path] = tuple(sorted(met, key=list(Edition).index))
    return found


def _agents(project: Project) -> list[AgentClass]:
    """The classes that a session runs; no bases, no mixins."""
    return [a for a in find_agents(project) if a.role is Role.AGENT]


def _gate(project: Project, agent: AgentClass) -> int | None:
    return project.fact(find_gates).limit_of(agent.node)


def _summaries(project: Project, plan: Plan) -> tuple[AgentSummary, ...]:
    """The assistant classes that changed, with their lines before and after."""
    after = Project(overlay(project.files, plan.changes))
    changed = {c.path for c in plan.changes}
    return tuple(
        AgentSummary(
            agent.name,
            agent.module.path,
            (*(t.name for t in agent.all_tools), *(t.name for t in agent.inline_tools)),
            _gate(project, agent),
            _line_count(project.files[agent.module.path]),
            _line_count(after.files[agent.module.path]),
        )
        for agent in _agents(project)
        if agent.module.path in changed
    )


def _line_count(data: bytes) -> int:
    return len(data.splitlines())
